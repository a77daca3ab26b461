/* Ranks as threads with shared objects. Each body is run three times: all ranks on the home's node, all as if on other
 * nodes (letters), and mixed. */
#ifndef RANKINE_TEST_SHARED_FIXTURE_H
#define RANKINE_TEST_SHARED_FIXTURE_H

#include <dirent.h>
#include <unistd.h>

#include "mail_fixture.h"
#include "shared/shared_private.h"
#include "sync/sync.h"

static pthread_barrier_t meeting;
static char job[32];
static enum nearness { ALL_NEAR, ALL_FAR, MIXED } nearness;

static bool is_far(uint32_t rank) {
    return nearness == ALL_FAR || (nearness == MIXED && rank % 2 == 1);
}

static void attach_shared(rk__mail *mail) {
    CHECK(rk__sync_attach(mail, NULL) == RK_OK);
    CHECK(rk__shared_attach(mail, job, NULL) == RK_OK);
    rk__shared_pretend_remote(mail, is_far(rk__mail_endpoint(mail)));
}

/* The service threads go on meanwhile. */
static void meet(void) {
    pthread_barrier_wait(&meeting);
}

static int left_in_shm(void) {
    int count = 0;
    DIR *directory = opendir("/dev/shm");
    if (directory == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += strncmp(entry->d_name, job + 1, strlen(job) - 1) == 0;
    closedir(directory);
    return count;
}

static void shared_ranks(uint32_t ranks, void (*body)(uint32_t rank, uint32_t ranks)) {
    size_t bytes[RK__ROOM_COUNT] = {0};
    bytes[RK__ROOM_SYNC] = rk__sync_area_bytes(ranks);
    bytes[RK__ROOM_SHARED] = rk__shared_area_bytes();
    snprintf(job, sizeof job, "/rankine-%016llx", (unsigned long long)getpid());
    pthread_barrier_init(&meeting, NULL, ranks);
    fixture_ranks(ranks, bytes, attach_shared, body);
    pthread_barrier_destroy(&meeting);
    assert_int_equal(left_in_shm(), 0);
}

static void near_and_far(uint32_t ranks, void (*body)(uint32_t rank, uint32_t ranks)) {
    for (nearness = ALL_NEAR; nearness <= MIXED; nearness++)
        shared_ranks(ranks, body);
    nearness = ALL_NEAR;
}

#endif
