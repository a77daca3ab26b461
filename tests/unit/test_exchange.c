/* The exchange between a rank and its isolated process, with two threads in their places. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exec/exchange.h"

enum { BATCHES = 3000, TEXT_MAX = 700 };

static const rk__schema schema = {
    .columns = {{.keep = true, .row_bytes = 8}, {.keep = false, .row_bytes = 100}, {.keep = true, .row_bytes = 5}},
    .column_count = 3};

static uint64_t batch_size(uint64_t i) {
    return 1 + i * 7 % 40;
}

static size_t text_size(uint64_t i) {
    return (size_t)(i * 131 % TEXT_MAX);
}

static rk__exchange *make_exchange(void) {
    rk__exchange_sizes sizes = {
        .message_bytes = 4096, .row_bytes = 2 * rk__exchange_batch_bytes(&schema, 40) + 64, .text_bytes = 32};
    rk__exchange *exchange = calloc(1, rk__exchange_bytes(&sizes));
    assert_non_null(exchange);
    rk__exchange_init(exchange, &sizes);
    return exchange;
}

static void write_batch(rk__exchange_writer *writer, uint64_t first, uint64_t count) {
    void *rows[3];
    rk__exchange_rows(writer, first, count, rows);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t value = (first + i) * 3;
        memcpy((char *)rows[0] + 8 * i, &value, 8);
        memset((char *)rows[2] + 5 * i, (int)((first + i) % 251), 5);
    }
}

static void *write_all(void *ctx) {
    rk__exchange_writer writer = {.exchange = ctx, .schema = &schema};
    char text[TEXT_MAX];
    uint64_t first = 0;
    for (uint64_t i = 0; i < BATCHES; i++) {
        write_batch(&writer, first, batch_size(i));
        rk__exchange_finish_batch(&writer);
        memset(text, (int)('a' + i % 26), sizeof text);
        rk__message message = {.kind = RK__MESSAGE_EMITTED, .task = i};
        rk__exchange_put(&writer, &message, text, text_size(i) / 2, text, text_size(i) - text_size(i) / 2);
        first += batch_size(i);
    }
    return NULL;
}

static void wait_for_message(rk__exchange *exchange, rk__message *message, const void **payload) {
    while (!rk__exchange_next(exchange, message, payload))
        rk__sleep_ns(1000);
}

static void check_batch(rk__exchange *exchange, const rk__message *message) {
    uint64_t numbers[40];
    unsigned char letters[200];
    void *rows[3] = {numbers, NULL, letters};
    rk__exchange_take_rows(exchange, &schema, message, rows);
    for (uint64_t i = 0; i < message->count; i++) {
        assert_true(numbers[i] == (message->task + i) * 3);
        assert_int_equal(letters[5 * i + 4], (message->task + i) % 251);
    }
}

static void check_text(const rk__message *message, const char *payload) {
    assert_int_equal(message->bytes, text_size(message->task));
    for (size_t k = 0; k < message->bytes; k++)
        assert_int_equal(payload[k], 'a' + message->task % 26);
}

static void messages_and_rows_arrive_whole_and_in_order(void **state) {
    (void)state;
    rk__exchange *exchange = make_exchange();
    rk__message message;
    const void *payload;
    pthread_t writer;
    uint64_t first = 0;
    assert_int_equal(pthread_create(&writer, NULL, write_all, exchange), 0);
    for (uint64_t i = 0; i < BATCHES; i++) {
        wait_for_message(exchange, &message, &payload);
        assert_int_equal(message.kind, RK__MESSAGE_ROWS);
        assert_true(message.task == first && message.count == batch_size(i));
        check_batch(exchange, &message);
        rk__exchange_taken(exchange);
        wait_for_message(exchange, &message, &payload);
        assert_true(message.kind == RK__MESSAGE_EMITTED && message.task == i);
        check_text(&message, payload);
        rk__exchange_taken(exchange);
        first += batch_size(i);
    }
    pthread_join(writer, NULL);
    assert_false(rk__exchange_next(exchange, &message, &payload));
    free(exchange);
}

static void what_is_half_done_is_not_seen(void **state) {
    (void)state;
    rk__exchange *exchange = make_exchange();
    rk__exchange_writer writer = {.exchange = exchange, .schema = &schema}, next = writer;
    rk__message message;
    const void *payload;
    write_batch(&writer, 0, 10);
    rk__exchange_finish_batch(&writer);
    write_batch(&writer, 10, 10); /* and then the worker dies */
    assert_true(rk__exchange_next(exchange, &message, &payload));
    check_batch(exchange, &message);
    rk__exchange_taken(exchange);
    assert_false(rk__exchange_next(exchange, &message, &payload));
    rk__exchange_reset(exchange);
    write_batch(&next, 10, 5);
    rk__exchange_finish_batch(&next);
    assert_true(rk__exchange_next(exchange, &message, &payload));
    assert_true(message.task == 10 && message.count == 5);
    check_batch(exchange, &message);
    free(exchange);
}

static void kernels_without_rows_send_no_batches(void **state) {
    (void)state;
    rk__schema none = {.columns = {{.keep = false, .row_bytes = 100}}, .column_count = 1};
    rk__exchange *exchange = make_exchange();
    rk__exchange_writer writer = {.exchange = exchange, .schema = &none};
    rk__message message;
    const void *payload;
    void *rows[1] = {exchange};
    rk__exchange_rows(&writer, 0, 1000000, rows);
    rk__exchange_finish_batch(&writer);
    assert_null(rows[0]);
    assert_false(rk__exchange_next(exchange, &message, &payload));
    free(exchange);
}

static void *take_late(void *ctx) {
    rk__message message;
    const void *payload;
    rk__sleep_ns(300000000); /* the other has far more than the rest to begin to wait */
    while (rk__exchange_next(ctx, &message, &payload) && message.task == 0)
        rk__exchange_taken(ctx);
    return NULL;
}

static void time_spent_waiting_for_the_rank_is_not_the_tasks(void **state) {
    (void)state;
    rk__exchange *exchange = make_exchange();
    rk__exchange_writer writer = {.exchange = exchange, .schema = &schema};
    rk__message message = {.kind = RK__MESSAGE_EMITTED};
    char text[1000] = "";
    pthread_t rank;
    for (int i = 0; i < 3; i++)
        rk__exchange_put(&writer, &message, text, sizeof text, NULL, 0);
    assert_true(writer.waited_ns == 0);
    assert_int_equal(pthread_create(&rank, NULL, take_late, exchange), 0);
    uint64_t begin = rk__clock_ns();
    atomic_store(&exchange->watch.since_ns, begin);
    message.task = 1;
    for (int i = 0; i < 3; i++)
        rk__exchange_put(&writer, &message, text, sizeof text, NULL, 0);
    pthread_join(rank, NULL);
    assert_true(writer.waited_ns >= 200000000);
    assert_true(atomic_load(&exchange->watch.since_ns) == begin + writer.waited_ns);
    free(exchange);
}

static void slots_of_what_is_kept_lie_apart(void **state) {
    (void)state;
    rk__exchange_sizes sizes = {.message_bytes = 4096, .row_bytes = 4096, .text_bytes = 5, .fold_bytes = 1000};
    rk__exchange *exchange = calloc(1, rk__exchange_bytes(&sizes));
    rk__exchange_init(exchange, &sizes);
    char *first = (char *)rk__exchange_kept(exchange, 0), *second = (char *)rk__exchange_kept(exchange, 1);
    assert_true(first >= rk__exchange_text(exchange) + 5 && second >= first + sizeof(rk__kept) + 1000);
    assert_true(second + sizeof(rk__kept) + 1000 <= (char *)exchange + rk__exchange_bytes(&sizes));
    free(exchange);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_and_rows_arrive_whole_and_in_order),
        cmocka_unit_test(what_is_half_done_is_not_seen),
        cmocka_unit_test(kernels_without_rows_send_no_batches),
        cmocka_unit_test(time_spent_waiting_for_the_rank_is_not_the_tasks),
        cmocka_unit_test(slots_of_what_is_kept_lie_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
