/* The file appears whole or not at all: written under a temporary name, synced, linked into place. */
#ifdef __linux__
#define _GNU_SOURCE /* fallocate; NOLINT(bugprone-reserved-identifier) */
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/types.h"
#include "record/log_private.h"

enum { SECTOR_BYTES = 512, PAGE_BYTES = 4096 };

hid_t rk__dataset_text(hid_t parent, const char *name, const char *text) {
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, strlen(text) + 1);
    H5Tset_cset(type, H5T_CSET_UTF8);
    hid_t id = rk__dataset_create(parent, name, type, 0, NULL, NULL);
    if (id >= 0 && H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) < 0) {
        H5Dclose(id);
        id = H5I_INVALID_HID;
    }
    H5Tclose(type);
    return id;
}

static bool write_text(hid_t parent, const char *name, const char *text) {
    hid_t id = rk__dataset_text(parent, name, text);
    if (id >= 0)
        H5Dclose(id);
    return id >= 0;
}

static void write_facts(const rk__provenance *from, const rk__identity *identity, rk__text *out) {
    char time[32];
    rk__wall_text(rk__wall_ns(), time, sizeof time);
    const char *facts[][2] = {{"created", time},
                              {"command_line", from->command_line},
                              {"directory", from->directory},
                              {"host", from->host},
                              {"user", from->user},
                              {"mpi", from->mpi_version},
                              {"cpu", from->cpu},
                              {"kernel_file", identity->kernel_path}};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        rk__text_add(out, "%s", facts[i][0]);
        rk__words_add(out, facts[i][1]);
        rk__text_add(out, "\n");
    }
    rk__text_add(out, "ranks %d\nnodes %d\nhdf5 %d.%d.%d\n", from->ranks, from->nodes, H5_VERS_MAJOR, H5_VERS_MINOR,
                 H5_VERS_RELEASE);
}

static bool write_texts(hid_t group, const rk__contents *contents) {
    rk__text schema_text = RK__TEXT_INIT, identity_text = RK__TEXT_INIT;
    rk__schema_write(contents->schema, &schema_text);
    rk__identity_write(contents->identity, &identity_text);
    bool ok = !schema_text.failed && !identity_text.failed && write_text(group, "schema", rk__text_get(&schema_text)) &&
              write_text(group, "identity", rk__text_get(&identity_text)) &&
              write_text(group, "space", contents->identity->space_text) &&
              write_text(group, "provenance", contents->provenance);
    rk__text_fini(&schema_text);
    rk__text_fini(&identity_text);
    return ok;
}

static bool create_table(hid_t group, const char *name, hid_t type, int rank, const hsize_t *dims) {
    hid_t id = rk__dataset_create(group, name, type, rank, dims, NULL);
    if (id < 0)
        return false;
    H5Dclose(id);
    return true;
}

/* Eight words to a record, so that every reader can show them; README.md says which is what. */
static bool create_tables(hid_t group, const rk__schema *schema) {
    hsize_t records[] = {2, schema->blocks, 8}, partials[] = {2, schema->blocks, schema->partial_bytes};
    hsize_t failures[] = {RK__FAILURES_MAX, RK__FAILURE_BYTES}, sessions[] = {RK__SESSIONS_MAX, RK__SESSION_BYTES};
    hsize_t marks[] = {RK__MARKS_MAX, RK__MARK_BYTES}, hosts[] = {RK__HOSTS_MAX, RK__HOST_BYTES};
    hsize_t finish = RK__FINISH_BYTES;
    return create_table(group, "records", H5T_STD_U64LE, 3, records) &&
           (schema->partial_bytes == 0 || create_table(group, "partials", H5T_STD_U8LE, 3, partials)) &&
           create_table(group, "failures", H5T_STD_U8LE, 2, failures) &&
           create_table(group, "sessions", H5T_STD_U8LE, 2, sessions) &&
           create_table(group, "hosts", H5T_STD_U8LE, 2, hosts) &&
           create_table(group, "marks", H5T_STD_U8LE, 2, marks) &&
           create_table(group, "finish", H5T_STD_U8LE, 1, &finish);
}

static bool write_numbers(hid_t group, const uint64_t nonce[2]) {
    uint32_t format = RK__FORMAT_VERSION;
    hsize_t two = 2;
    hid_t space = H5Screate_simple(1, &two, NULL), scalar = H5Screate(H5S_SCALAR);
    hid_t a = H5Acreate2(group, "format", H5T_STD_U32LE, scalar, H5P_DEFAULT, H5P_DEFAULT);
    hid_t b = H5Acreate2(group, "nonce", H5T_STD_U64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = H5Awrite(a, H5T_NATIVE_UINT32, &format) >= 0 && H5Awrite(b, H5T_NATIVE_UINT64, nonce) >= 0;
    H5Aclose(a);
    H5Aclose(b);
    H5Sclose(space);
    H5Sclose(scalar);
    return ok;
}

static void draw_nonce(uint64_t nonce[2]) {
    uint64_t seeds[4] = {rk__wall_ns(), rk__clock_ns(), (uint64_t)getpid(), (uint64_t)(uintptr_t)nonce};
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (read(fd, seeds + 1, 16) < 0)
            seeds[3]++;
        close(fd);
    }
    nonce[0] = rk__hash64(seeds, sizeof seeds, 1);
    nonce[1] = rk__hash64(seeds, sizeof seeds, 2);
}

static bool create_group(hid_t file, const char *name, hid_t *out) {
    hid_t list = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_link_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    *out = H5Gcreate2(file, name, H5P_DEFAULT, list, H5P_DEFAULT);
    H5Pclose(list);
    return *out >= 0;
}

static bool write_parameters(hid_t group, const rk__space *space) {
    hid_t parameters;
    if (!create_group(group, "parameters", &parameters))
        return false;
    bool ok = rk__parameters_write(parameters, space);
    H5Gclose(parameters);
    return ok;
}

static bool write_bookkeeping(hid_t file, const rk__contents *contents) {
    hid_t group;
    if (!create_group(file, "rankine", &group))
        return false;
    bool ok = write_numbers(group, contents->nonce) && write_texts(group, contents) &&
              write_parameters(group, contents->space) && create_tables(group, contents->schema);
    H5Gclose(group);
    return ok;
}

static bool create_field(hid_t group, const rk__contents *contents, const rk__result_field *field) {
    static const double zero = 0; /* until the finish record says otherwise */
    hsize_t dims = field->count;
    hid_t id = rk__dataset_create(group, field->name, rk__type_hdf5(field->type), field->count > 1, &dims, &zero);
    if (id < 0)
        return false;
    bool ok = rk__attribute_text(id, "units", field->unit) && rk__attribute_text(id, "long_name", field->help) &&
              (field->count == 1 || rk__labels_field(group, id, contents, field));
    H5Dclose(id);
    return ok;
}

static bool write_fields(hid_t file, const rk__contents *contents) {
    const rk__schema *schema = contents->schema;
    hid_t group;
    bool ok = true;
    if (schema->field_count == 0)
        return true;
    if (!create_group(file, "reduced", &group))
        return false;
    for (size_t f = 0; ok && f < schema->field_count; f++)
        ok = create_field(group, contents, &schema->fields[f]);
    H5Gclose(group);
    return ok;
}

static bool write_title(hid_t file, const rk__identity *identity) {
    char title[200];
    snprintf(title, sizeof title, RK__TITLE_BEGIN "%.80s, version %.40s", identity->kernel_name,
             identity->kernel_version);
    return rk__attribute_text(file, "title", title) && rk__attribute_text(file, "source", "Rankine");
}

static rk_status write_file(hid_t file, const rk__contents *contents, rk_error *err) {
    RK_TRY(rk__labels_create(file, contents->schema, contents->space, err));
    if (!write_title(file, contents->identity) || !write_fields(file, contents) || !write_bookkeeping(file, contents))
        return rk__fail(err, RK_EHDF5, "HDF5 could not write the run file (is the disk full?)");
    return RK_OK;
}

static hid_t create_hdf5(const char *path) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), creation = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    H5Pset_alignment(access, SECTOR_BYTES, PAGE_BYTES); /* no record lies in two sectors, no aligned row in two pages */
    H5Pset_link_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
    H5Pclose(access);
    H5Pclose(creation);
    return file;
}

rk_status rk__contents_write(const rk__contents *contents, const char *path, rk_error *err) {
    rk_status status = RK_OK;
    H5E_BEGIN_TRY {
        hid_t file = create_hdf5(path);
        if (file < 0)
            status = rk__fail(err, RK_EHDF5, "HDF5 could not create %s", path);
        else
            status = write_file(file, contents, err);
        if (file >= 0 && H5Fclose(file) < 0 && status == RK_OK)
            status = rk__fail(err, RK_EIO, "closing %s failed: is the disk full?", path);
    }
    H5E_END_TRY
    return status;
}

rk_status rk__path_sync(const char *path, int flags, rk_error *err) {
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0)
        return rk__fail(err, RK_EIO, "%s: %s", path, rk__errno_text(errno));
    int failed = fsync(fd);
    int code = errno;
    close(fd);
    /* Some file systems do not sync directories; the file itself must. */
    return failed != 0 && code != EINVAL ? rk__fail(err, RK_EIO, "syncing %s: %s", path, rk__errno_text(code)) : RK_OK;
}

rk_status rk__directory_sync(const char *path, rk_error *err) {
    char directory[RK__BESIDE_MAX];
    snprintf(directory, sizeof directory, "%s", path);
    char *slash = strrchr(directory, '/');
    if (slash == NULL)
        return rk__path_sync(".", O_RDONLY, err);
    slash[slash == directory ? 1 : 0] = '\0';
    return rk__path_sync(directory, O_RDONLY, err);
}

/* Space for all of a file whose holes HDF5 did not fill; an errno. */
static int reserve_bytes(int fd, const struct stat *info) {
#ifdef __linux__ /* posix_fallocate would write zeros where the file system cannot reserve */
    if (fallocate(fd, 0, 0, info->st_size) == 0)
        return 0;
    if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
        return errno;
#endif
    struct statvfs disk;
    uint64_t have = (uint64_t)info->st_blocks * 512, need = (uint64_t)info->st_size;
    if (fstatvfs(fd, &disk) == 0 && need > have && need - have > (uint64_t)disk.f_bavail * disk.f_frsize)
        return ENOSPC;
    return 0;
}

/* So that a full disk is found out before the first task. */
static rk_status reserve(const char *path, rk_error *err) {
    struct stat info;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int code = fd < 0 || fstat(fd, &info) != 0 ? errno : reserve_bytes(fd, &info);
    if (fd >= 0)
        close(fd);
    return code != 0 ? rk__fail(err, RK_EIO, "%s: reserving space: %s", path, rk__errno_text(code)) : RK_OK;
}

/* link() does not replace; where the file system has no links, an exclusive check before rename must do. */
static rk_status put_in_place(const char *temporary, const char *path, bool force, rk_error *err) {
    if (!force && link(temporary, path) == 0) {
        unlink(temporary);
        return RK_OK;
    }
    RK_TRY(rk__place_check(path, force, err));
    if (rename(temporary, path) != 0)
        return rk__fail(err, RK_EIO, "%s: %s", path, rk__errno_text(errno));
    return RK_OK;
}

rk_status rk__name_claim(const char *temporary, const char *directory, rk_error *err) {
    unlink(temporary); /* left by a run of this file that was killed: we hold the file's lock */
    int fd = open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (fd >= 0) {
        close(fd);
        return RK_OK;
    }
    int code = errno;
    rk_status status = code == ENOENT || code == ENOTDIR ? RK_ENOENT
                       : code == EACCES || code == EROFS ? RK_EPERM
                                                         : RK_EIO;
    return rk__fail(err, status, "output directory '%s': %s; choose another with -o", directory, rk__errno_text(code));
}

static uint64_t room_in(const char *directory) {
    struct statvfs disk;
    struct rlimit limit;
    uint64_t room = UINT64_MAX;
    if (statvfs(directory, &disk) == 0)
        room = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < room)
        room = limit.rlim_cur;
    return room;
}

/* Before HDF5 meets it, which would not say why it failed. */
static rk_status check_room(const char *directory, const rk__schema *schema, rk_error *err) {
    char need[32], have[32];
    uint64_t room = room_in(directory), bytes = rk__schema_file_bytes(schema);
    if (room >= bytes)
        return RK_OK;
    return rk__fail(err, RK_EIO,
                    "the run file needs %s, and '%s' has %s free: make room, or choose another place with -o",
                    rk__format_bytes(bytes, need, sizeof need), directory, rk__format_bytes(room, have, sizeof have));
}

static rk_status seal(const char *path, rk_error *err) {
    rk__record *record;
    RK_TRY(rk__record_open_unsealed(&record, path, err));
    rk_status status = rk__shell_write(record, err);
    rk__record_close(record);
    return status;
}

rk_status rk__record_create(const char *path, const rk__schema *schema, const rk__space *space,
                            const rk__identity *identity, const rk__provenance *provenance, bool force, rk_error *err) {
    char directory[4096], temporary[RK__BESIDE_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || (size_t)(slash - path) >= sizeof directory)
        return rk__fail(err, RK_EINVAL, "output '%.100s': an absolute path below 4096 bytes is needed", path);
    snprintf(directory, sizeof directory, "%.*s", (int)(slash == path ? 1 : slash - path), path);
    rk__path_beside(path, "tmp", temporary);
    RK_TRY(rk__place_check(path, force, err));
    bool whole = schema->parts == 1; /* the file of a part has holes where the others would be */
    if (whole)
        RK_TRY(check_room(directory, schema, err));
    RK_TRY(rk__name_claim(temporary, directory, err));
    rk__text facts = RK__TEXT_INIT;
    write_facts(provenance, identity, &facts);
    rk__contents contents = {schema, space, identity, rk__text_get(&facts), {0, 0}};
    draw_nonce(contents.nonce);
    rk_status status = facts.failed ? rk__fail(err, RK_ENOMEM, "no memory for the run file's description")
                                    : rk__contents_write(&contents, temporary, err);
    rk__text_fini(&facts);
    if (status == RK_OK)
        status = seal(temporary, err);
    if (status == RK_OK && whole)
        status = reserve(temporary, err);
    if (status == RK_OK)
        status = rk__path_sync(temporary, O_RDWR, err);
    if (status == RK_OK)
        status = put_in_place(temporary, path, force, err);
    if (status != RK_OK) {
        unlink(temporary);
        return status;
    }
    return rk__path_sync(directory, O_RDONLY, err);
}

/* ---- a file that is filled before it has its name ---- */

static rk_status no_logs_of_another(const char *path, rk_error *err) {
    char logs[RK__LOG_PATH_MAX];
    struct stat info;
    rk__logs_path(path, logs);
    if (lstat(logs, &info) != 0)
        return RK_OK;
    return rk__fail(err, RK_EEXIST,
                    "%s has the values of a run that is not finished: remove it together with %s, or choose another "
                    "name with -o",
                    logs, path);
}

rk_status rk__record_draft(const char *path, const rk__schema *schema, bool force, char draft[RK__BESIDE_MAX],
                           rk_error *err) {
    RK_TRY(rk__place_check(path, force, err));
    if (schema->varying > 0)
        RK_TRY(no_logs_of_another(path, err));
    rk__path_beside(path, "tmp", draft);
    rk__logs_remove(draft); /* left by one that was killed */
    return RK_OK;
}

/* The logs first: a file without its logs is damaged, logs without their file are in nobody's way. */
static rk_status move_logs(const char *from, const char *to, rk_error *err) {
    char old[RK__LOG_PATH_MAX], new[RK__LOG_PATH_MAX];
    rk__logs_path(from, old);
    rk__logs_path(to, new);
    if (rename(old, new) == 0 || errno == ENOENT)
        return RK_OK;
    return rk__fail(err, RK_EIO, "%s: %s", new, rk__errno_text(errno));
}

rk_status rk__record_publish(rk__record *record, const char *path, bool force, rk_error *err) {
    char *name = rk__strdup(path);
    if (name == NULL)
        return rk__fail(err, RK_ENOMEM, "no memory for a path");
    rk_status status = move_logs(record->path, path, err);
    if (status == RK_OK) {
        status = put_in_place(record->path, path, force, err);
        if (status != RK_OK)
            move_logs(path, record->path, NULL);
    }
    if (status != RK_OK) {
        free(name);
        return status;
    }
    free(record->path);
    record->path = name;
    return rk__directory_sync(path, err);
}

void rk__record_discard(const char *draft) {
    unlink(draft);
    rk__logs_remove(draft);
}
