#include "space/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- HDF5's own error text ---- */

rk__source_errors rk__source_quiet(void) {
    rk__source_errors errors = {NULL, NULL};
    H5Eget_auto2(H5E_DEFAULT, &errors.print, &errors.data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return errors;
}

void rk__source_loud(rk__source_errors errors) {
    H5Eset_auto2(H5E_DEFAULT, errors.print, errors.data);
}

typedef struct reason {
    char *buffer;
    size_t size;
} reason;

static herr_t take_reason(unsigned n, const H5E_error2_t *entry, void *ctx) {
    reason *r = ctx;
    if (n == 0)
        snprintf(r->buffer, r->size, "%s", entry->desc != NULL ? entry->desc : "");
    return 0;
}

void rk__source_reason(char *buffer, size_t size) {
    reason r = {buffer, size};
    snprintf(buffer, size, "no reason given");
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_reason, &r);
}

/* ---- the file ---- */

static hid_t open_file(const char *path) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
    H5Pset_file_locking(access, 0, 1);
#endif
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    return file;
}

static rk_status check_file(const char *path, char magic[8], rk_error *err) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return rk__fail(err, errno == ENOENT ? RK_ENOENT : RK_EIO, "input '%s': cannot be opened: %s", path,
                        rk__errno_text(errno));
    bool is_file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    bool has_magic = is_file && pread(fd, magic, 8, 0) == 8;
    close(fd);
    if (!is_file)
        return rk__fail(err, RK_EINVAL, "input '%s': is no file: write FILE.h5:/PATH", path);
    if (!has_magic)
        return rk__fail(err, RK_EFORMAT, "input '%s': is no HDF5 file: it has less than 8 bytes", path);
    return RK_OK;
}

static rk_status explain_file(const char *path, const char magic[8], rk_error *err) {
    if (memcmp(magic, "CDF", 3) == 0)
        return rk__fail(err, RK_EFORMAT, "input '%s': is a classic netCDF file: convert it with `nccopy -k nc4`", path);
    if (memcmp(magic, "\x89HDF\r\n\x1a\n", 8) == 0)
        return rk__fail(err, RK_EFORMAT, "input '%s': is an HDF5 file, but damaged or cut short", path);
    return rk__fail(err, RK_EFORMAT, "input '%s': is no HDF5 (or netCDF-4) file", path);
}

/* ---- what is in it ---- */

enum { LISTED_MAX = 8, DEPTH_MAX = 4, PATH_MAX_LISTED = 256, LINKS_MAX = 1000 };

typedef struct listing {
    char *buffer;
    size_t size;
    unsigned found, visited;
} listing;

static void list_group(listing *l, hid_t group, const char *prefix, unsigned depth);

static void list_object(listing *l, hid_t group, const char *prefix, const char *name, unsigned depth) {
    char path[PATH_MAX_LISTED];
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    if (object < 0)
        return;
    H5I_type_t type = H5Iget_type(object);
    int length = snprintf(path, sizeof path, "%s/%s", prefix, name);
    if (type == H5I_DATASET && l->found++ < LISTED_MAX) {
        size_t used = strlen(l->buffer);
        snprintf(l->buffer + used, l->size - used, "%s%.100s", l->found > 1 ? ", " : "it has ", path);
    }
    if (type == H5I_GROUP && depth < DEPTH_MAX && length > 0 && (size_t)length < sizeof path)
        list_group(l, object, path, depth + 1);
    H5Oclose(object);
}

static void list_group(listing *l, hid_t group, const char *prefix, unsigned depth) {
    H5G_info_t info;
    char name[PATH_MAX_LISTED];
    if (H5Gget_info(group, &info) < 0)
        return;
    for (hsize_t i = 0; i < info.nlinks && l->found <= LISTED_MAX && l->visited++ < LINKS_MAX; i++)
        if (H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT) > 0)
            list_object(l, group, prefix, name, depth);
}

static void list_file(hid_t file, char *buffer, size_t size) {
    listing l = {buffer, size, 0, 0};
    hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
    list_group(&l, root, "", 0);
    H5Gclose(root);
    size_t used = strlen(buffer);
    if (l.found > LISTED_MAX)
        snprintf(buffer + used, size - used, ", …");
    if (l.found == 0)
        snprintf(buffer, size, "it has no data sets");
}

void rk__source_list(const char *path, char *buffer, size_t size) {
    hid_t file = open_file(path);
    *buffer = '\0';
    if (file < 0)
        return;
    list_file(file, buffer, size);
    H5Fclose(file);
}

/* ---- the data set ---- */

static rk_status explain_missing(hid_t file, const char *path, const char *dataset, rk_error *err) {
    char list[700] = "";
    list_file(file, list, sizeof list);
    return rk__fail(err, RK_ENOENT, "input '%s': no data set '%s': %s", path, dataset, list);
}

static rk_status open_dataset(hid_t file, const char *path, const char *name, hid_t *dataset, rk_error *err) {
    hid_t object = H5Oopen(file, name, H5P_DEFAULT);
    if (object < 0)
        return explain_missing(file, path, name, err);
    H5I_type_t type = H5Iget_type(object);
    if (type == H5I_DATASET) {
        *dataset = object;
        return RK_OK;
    }
    H5Oclose(object);
    char list[500] = "";
    list_file(file, list, sizeof list);
    return rk__fail(err, RK_EINVAL, "input '%s': '%s' is a %s, not a data set: %s", path, name,
                    type == H5I_GROUP ? "group" : "type", list);
}

rk_status rk__source_open(rk__source *out, const char *path, const char *dataset, rk_error *err) {
    rk__source source = RK__SOURCE_INIT;
    char magic[8];
    RK_TRY(check_file(path, magic, err));
    source.file = open_file(path);
    if (source.file < 0)
        return explain_file(path, magic, err);
    rk_status status = open_dataset(source.file, path, dataset, &source.dataset, err);
    if (status == RK_OK)
        *out = source;
    else
        rk__source_close(&source);
    return status;
}

void rk__source_close(rk__source *source) {
    if (source->dataset >= 0)
        H5Dclose(source->dataset);
    if (source->file >= 0)
        H5Fclose(source->file);
    *source = (rk__source)RK__SOURCE_INIT;
}

/* ---- the chunk cache ---- */

#define CACHE_BYTES_MAX (UINT64_C(64) << 20)

/* Rows are walked in order, so all chunks that hold a part of one index of the first dimension must stay: then no
 * chunk is inflated twice. With several task dimensions the inner ones are walked within that index. */
static uint64_t chunks_wanted(hid_t dataset, hid_t creation, uint64_t *chunk_bytes) {
    hsize_t shape[H5S_MAX_RANK], chunk[H5S_MAX_RANK];
    uint64_t chunks = 1;
    hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
    int dims = H5Sget_simple_extent_dims(space, shape, NULL);
    *chunk_bytes = H5Tget_size(type);
    H5Sclose(space);
    H5Tclose(type);
    if (H5Pget_layout(creation) != H5D_CHUNKED || H5Pget_chunk(creation, H5S_MAX_RANK, chunk) != dims)
        return 0;
    for (int i = 0; i < dims; i++) {
        *chunk_bytes *= chunk[i]; /* HDF5 keeps chunks below 4 GiB */
        uint64_t across = i > 0 ? (shape[i] + chunk[i] - 1) / chunk[i] : 1;
        if (!rk__mul_u64(chunks, across, &chunks))
            return UINT64_MAX;
    }
    return chunks;
}

static void set_cache(hid_t access, uint64_t chunks, uint64_t chunk_bytes) {
    uint64_t bytes, slots;
    if (!rk__mul_u64(chunks, chunk_bytes, &bytes) || bytes > CACHE_BYTES_MAX)
        bytes = CACHE_BYTES_MAX;
    slots = bytes / chunk_bytes * 10 + 521; /* ten a chunk, so that few chunks share one */
    if (bytes > (UINT64_C(1) << 20))        /* HDF5's default is no less */
        H5Pset_chunk_cache(access, (size_t)slots, (size_t)bytes, H5D_CHUNK_CACHE_W0_DEFAULT);
}

rk_status rk__source_set_cache(rk__source *source, const char *dataset, rk_error *err) {
    uint64_t chunk_bytes;
    hid_t creation = H5Dget_create_plist(source->dataset), access = H5Pcreate(H5P_DATASET_ACCESS);
    uint64_t chunks = chunks_wanted(source->dataset, creation, &chunk_bytes);
    H5Pclose(creation);
    if (chunks > 0 && chunk_bytes > 0)
        set_cache(access, chunks, chunk_bytes);
    H5Dclose(source->dataset); /* a second open of an open data set would keep the first one's cache */
    source->dataset = H5Dopen2(source->file, dataset, access);
    H5Pclose(access);
    return source->dataset >= 0 ? RK_OK : rk__fail(err, RK_EHDF5, "'%s' cannot be opened again", dataset);
}

/* ---- attributes ---- */

static hid_t open_attribute(hid_t object, const char *name) {
    return H5Aexists(object, name) > 0 ? H5Aopen(object, name, H5P_DEFAULT) : H5I_INVALID_HID;
}

static hssize_t value_count(hid_t attribute) {
    hid_t space = H5Aget_space(attribute);
    hssize_t count = H5Sget_simple_extent_npoints(space);
    H5Sclose(space);
    return count;
}

static char *read_variable_text(hid_t attribute, hid_t type) {
    char *held = NULL, *text = NULL;
    if (H5Aread(attribute, type, &held) >= 0 && held != NULL) {
        text = rk__strdup(held);
        H5free_memory(held);
    }
    return text;
}

static char *read_fixed_text(hid_t attribute, hid_t type) {
    size_t size = H5Tget_size(type);
    char *text = calloc(size + 1, 1);
    if (text != NULL && H5Aread(attribute, type, text) < 0) {
        free(text);
        text = NULL;
    }
    for (size_t i = text != NULL && H5Tget_strpad(type) == H5T_STR_SPACEPAD ? size : 0; i > 0 && text[i - 1] == ' ';)
        text[--i] = '\0';
    return text;
}

char *rk__source_text(hid_t object, const char *name) {
    char *text = NULL;
    hid_t attribute = open_attribute(object, name);
    if (attribute < 0)
        return NULL;
    hid_t type = H5Aget_type(attribute);
    if (H5Tget_class(type) == H5T_STRING && value_count(attribute) == 1)
        text = H5Tis_variable_str(type) > 0 ? read_variable_text(attribute, type) : read_fixed_text(attribute, type);
    H5Tclose(type);
    H5Aclose(attribute);
    return text;
}

bool rk__source_numbers(hid_t object, const char *name, double *values, size_t max, size_t *count) {
    hid_t attribute = open_attribute(object, name);
    if (attribute < 0)
        return true;
    hid_t type = H5Aget_type(attribute);
    H5T_class_t kind = H5Tget_class(type);
    hssize_t more = value_count(attribute);
    bool fits = (kind == H5T_INTEGER || kind == H5T_FLOAT) && more >= 0 && (size_t)more <= max - *count;
    if (fits && more > 0)
        fits = H5Aread(attribute, H5T_NATIVE_DOUBLE, values + *count) >= 0;
    *count += fits ? (size_t)more : 0;
    H5Tclose(type);
    H5Aclose(attribute);
    return fits;
}
