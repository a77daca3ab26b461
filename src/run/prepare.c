#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/run_private.h"

static rk_status spec_number(const rk__space *space, const char *name, double *value, rk_error *err) {
    return name ? rk__space_number(space, name, value, err) : RK_OK;
}

/* Counts and places are pure numbers; the rest has the unit and meaning of what it folds, unless the kernel says
 * otherwise. */
static void describe_result(const rk_output *output, rk__reduction_spec *spec) {
    bool is_index = spec->op == RK_ARGMIN || spec->op == RK_ARGMAX;
    bool is_count = spec->op == RK_COUNT || spec->op == RK_HISTOGRAM;
    if (spec->unit == NULL)
        spec->unit = is_index || is_count ? "1" : output->unit;
    if (spec->help == NULL)
        spec->help = spec->op == RK_ARGMIN   ? "task with the smallest value"
                     : spec->op == RK_ARGMAX ? "task with the largest value"
                                             : output->help;
}

/* What a reduction folds: the output's type and how many elements, or doubles given by the task. */
static rk_status spec_source(const rk_kernel *kernel, const rk__space *space, const rk_reduction *from,
                             rk__reduction_spec *spec, rk_error *err) {
    spec->type = RK_F64;
    spec->elements = 1;
    for (size_t o = 0; from->output != NULL && o < rk__kernel_output_count(kernel); o++) {
        const rk_output *output = &kernel->outputs[o];
        if (strcmp(output->name, from->output) != 0)
            continue;
        spec->type = output->type;
        for (unsigned d = 0; output->is_row && d < RK_DIMS_MAX && output->shape[d] != NULL; d++) {
            uint64_t size;
            RK_TRY(rk__space_dimension(space, output->shape[d], &size, err));
            if (!rk__mul_u64(spec->elements, size, &spec->elements))
                return rk__fail(err, RK_EOVERFLOW, "output '%s' has more than 2^64 elements", output->name);
        }
        describe_result(output, spec);
    }
    return RK_OK;
}

static rk_status make_spec(const rk_kernel *kernel, const rk__space *space, const rk_reduction *from,
                           rk__reduction_spec *spec, rk_error *err) {
    double bins = 0;
    *spec = (rk__reduction_spec){.name = from->name,
                                 .op = from->op,
                                 .unit = from->unit,
                                 .help = from->help,
                                 .state_bytes = from->state_bytes,
                                 .merge = from->merge,
                                 .finish = from->finish,
                                 .values = from->values};
    RK_TRY(spec_number(space, from->lo, &spec->lo, err));
    RK_TRY(spec_number(space, from->hi, &spec->hi, err));
    RK_TRY(spec_number(space, from->bins, &bins, err));
    if (bins < 0 || bins > 1e9)
        return rk__fail(err, RK_EINVAL, "reduction '%s': %g bins; give between 1 and 1e9", from->name, bins);
    spec->bins = (uint64_t)bins;
    return spec_source(kernel, space, from, spec, err);
}

static rk_status make_reducer(const rk_kernel *kernel, const rk__space *space, rk__reducer **out, rk_error *err) {
    rk__reduction_spec specs[RK_REDUCTIONS_MAX];
    size_t count = rk__kernel_reduction_count(kernel);
    for (size_t r = 0; r < count; r++)
        RK_TRY(make_spec(kernel, space, &kernel->reduce[r], &specs[r], err));
    return rk__reducer_create(out, specs, count, err);
}

static rk_status make_identity(rk__job *job, uint64_t seed, rk_error *err) {
    const rk_kernel *kernel = job->module.kernel;
    rk__identity *identity = &job->identity;
    identity->kernel_name = rk__strdup(kernel->name);
    identity->kernel_version = rk__strdup(kernel->version ? kernel->version : "");
    identity->kernel_path = rk__strdup(job->module.path ? job->module.path : "");
    identity->space_text = rk__strdup(job->space->text);
    memcpy(identity->content, job->module.content, sizeof identity->content);
    rk__kernel_fingerprint(kernel, identity->description);
    identity->seed = seed;
    identity->deterministic = kernel->deterministic;
    if (!identity->kernel_name || !identity->kernel_version || !identity->kernel_path || !identity->space_text)
        return rk__fail(err, RK_ENOMEM, "no memory for the identity of the run");
    return RK_OK;
}

/* A kernel that depends on what the user set is made before its tasks are: from the request, or from what a file or
 * rank 0 says of it. */
static rk_status make_kernel(rk__job *job, const rk__run_options *options, const char *text, rk__givens *givens,
                             rk_error *err) {
    const rk__listener *listener = text == NULL ? &options->listener : NULL;
    if (job->module.make == NULL)
        return RK_OK;
    RK_TRY(text != NULL ? rk__givens_read(givens, text, err)
                        : rk__givens_infer(givens, job->module.kernel, &options->request, err));
    return givens->count > 0 ? rk__module_make(&job->module, givens->items, givens->count, listener, err) : RK_OK;
}

static rk_status make_space(rk__job *job, const rk__request *request, const char *text, bool check_input,
                            rk_error *err) {
    if (text != NULL)
        return rk__space_create(&job->space, job->module.kernel, text, check_input, err);
    char *described = NULL;
    RK_TRY(rk__space_describe(job->module.kernel, request, &described, err));
    rk_status status = rk__space_create(&job->space, job->module.kernel, described, check_input, err);
    free(described);
    return status;
}

static rk_status make_kernel_and_space(rk__job *job, const rk__run_options *options, const char *text, bool check_input,
                                       rk_error *err) {
    rk__givens givens = {0};
    rk__request wanted = options->request;
    rk_status status = make_kernel(job, options, text, &givens, err);
    wanted.given = givens.items;
    wanted.given_count = givens.count;
    if (status == RK_OK)
        status = make_space(job, &wanted, text, check_input, err);
    rk__givens_fini(&givens);
    return status;
}

static rk_status check_isolation(const rk_kernel *kernel, const rk__run_options *options, rk_error *err) {
    const rk__run_isolation *isolation = &options->isolation;
    if (kernel->own_processes && (isolation->wanted || isolation->task_bytes > 0))
        return rk__fail(err, RK_EUNSUPPORTED, "kernel '%s' computes tasks in processes of its own: leave --%s out%s",
                        kernel->name, isolation->wanted ? "isolate" : "task-memory",
                        isolation->wanted ? "" : " (ulimit -v in the program limits its memory)");
    if (kernel->own_processes)
        return RK_OK;
    if (isolation->wanted && options->threads > 1)
        return rk__fail(err, RK_EUNSUPPORTED,
                        "--isolate with %u threads: an isolated process has one; start more ranks instead (-n)",
                        options->threads);
    if (!isolation->wanted && (isolation->task_seconds > 0 || isolation->task_bytes > 0))
        return rk__fail(err, RK_EINVAL, "--%s needs --isolate: only a process apart can be killed",
                        isolation->task_seconds > 0 ? "task-timeout" : "task-memory");
    return RK_OK;
}

/* How many ranks a task takes. */
static rk_status find_team(rk__job *job, const rk__run_options *options, rk_error *err) {
    const rk_kernel *kernel = job->module.kernel;
    double ranks;
    if (kernel->ranks == NULL)
        return RK_OK;
    RK_TRY(rk__space_number(job->space, kernel->ranks, &ranks, err));
    if (!(ranks >= 1 && ranks <= 1e6) || ranks != (double)(int)ranks)
        return rk__fail(err, RK_EINVAL, "kernel '%s': %s=%g ranks a task: give a whole number of 1 or more",
                        kernel->name, kernel->ranks, ranks);
    if (options->threads > 1 || options->isolation.wanted)
        return rk__fail(err, RK_EUNSUPPORTED, "kernel '%s' computes a task on several ranks: not with --%s",
                        kernel->name, options->isolation.wanted ? "isolate" : "threads");
    job->team_size = (int)ranks;
    return RK_OK;
}

static rk_status check_threads(const rk_kernel *kernel, uint32_t threads, rk_error *err) {
    if (threads <= 1 || kernel->thread_safe)
        return RK_OK;
    return rk__fail(err, RK_EUNSUPPORTED,
                    "--threads %u: kernel '%s' does not say that it is safe for threads (.thread_safe = true); start "
                    "more ranks instead (-n)",
                    threads, kernel->name);
}

static rk_status fill_job(rk__job *job, const rk__run_options *options, const char *text, bool check_input,
                          rk_error *err) {
    RK_TRY(rk__module_load(&job->module, options->kernel, options->linked, err));
    RK_TRY(check_isolation(job->module.kernel, options, err));
    RK_TRY(make_kernel_and_space(job, options, text, check_input, err));
    RK_TRY(check_threads(job->module.kernel, options->threads, err));
    RK_TRY(find_team(job, options, err));
    RK_TRY(make_reducer(job->module.kernel, job->space, &job->reducer, err));
    RK_TRY(rk__schema_create(&job->schema, job->module.kernel, job->space, job->reducer, options->block_tasks, err));
    if (options->parts > 0) {
        job->schema.part = options->part;
        job->schema.parts = options->parts;
    }
    if (job->schema.parts > job->schema.blocks)
        return rk__fail(err, RK_EINVAL, "--part %u/%u: there are only %llu blocks to share; use a smaller --block",
                        job->schema.part, job->schema.parts, (unsigned long long)job->schema.blocks);
    return make_identity(job, options->seed, err);
}

rk_status rk__job_create(rk__job *job, const rk__run_options *options, const char *text, bool check_input,
                         rk_error *err) {
    *job = (rk__job){0};
    rk_status status = fill_job(job, options, text, check_input, err);
    if (status != RK_OK)
        rk__job_fini(job);
    return status;
}

void rk__job_fini(rk__job *job) {
    rk__identity_fini(&job->identity);
    rk__schema_fini(&job->schema);
    rk__reducer_destroy(job->reducer);
    rk__space_destroy(job->space);
    rk__module_unload(&job->module);
    *job = (rk__job){0};
}

rk_status rk__job_output(const rk__run_options *options, const rk_kernel *kernel, char *path, size_t size,
                         rk_error *err) {
    char name[256], here[PATH_MAX];
    const char *output = options->output;
    if (output == NULL) {
        snprintf(name, sizeof name, "%s.h5", kernel->name);
        output = name;
    }
    int length;
    if (output[0] == '/') {
        length = snprintf(path, size, "%s", output);
    } else {
        if (getcwd(here, sizeof here) == NULL)
            return rk__fail(err, RK_ENOENT, "the current directory: %s", rk__errno_text(errno));
        length = snprintf(path, size, "%s/%s", here, output);
    }
    if (length < 0 || (size_t)length >= size)
        return rk__fail(err, RK_EOVERFLOW, "output path of %d bytes is too long: %.60s...", length, output);
    return RK_OK;
}

/* Is what the run reads (as `what`) the file that is to be made? */
static rk_status check_spared(const char *path, const char *what, const char *name, rk_error *err) {
    struct stat output, other;
    if (stat(name, &other) != 0 || stat(path, &output) != 0 || other.st_ino != output.st_ino ||
        other.st_dev != output.st_dev)
        return RK_OK;
    return rk__fail(err, RK_EINVAL, "%s %s: that is the output itself: name another with -o", what, name);
}

/* Found out before the first task, too: --force must not cost what the run reads. */
static rk_status check_input(const rk__job *job, const char *path, rk_error *err) {
    return job->space->has_input ? check_spared(path, "input", job->space->input.path, err) : RK_OK;
}

rk_status rk__job_create_file(const rk__job *job, const rk__run_options *options, const rk__world *world,
                              const char *path, rk_error *err) {
    char version[MPI_MAX_LIBRARY_VERSION_STRING] = "", directory[4096] = "";
    int length;
    RK_TRY(check_input(job, path, err));
    MPI_Get_library_version(version, &length);
    version[strcspn(version, "\n")] = '\0';
    if (getcwd(directory, sizeof directory) == NULL)
        directory[0] = '\0';
    rk__provenance provenance = {.command_line = options->command_line ? options->command_line : "",
                                 .directory = directory,
                                 .host = world->host,
                                 .user = getenv("USER") ? getenv("USER") : "",
                                 .mpi_version = version,
                                 .cpu = "",
                                 .ranks = world->size,
                                 .nodes = world->node_count};
    return rk__record_create(path, &job->schema, job->space, &job->identity, &provenance, options->force, err);
}

static rk__run_options options_of(const rk__run_options *options, const rk__record *record) {
    const rk__identity *identity = rk__record_identity(record);
    const rk__schema *schema = rk__record_schema(record);
    rk__run_options wanted = *options;
    if (wanted.kernel == NULL)
        wanted.kernel = identity->kernel_path[0] != '\0' ? identity->kernel_path : identity->kernel_name;
    wanted.seed = identity->seed;
    wanted.block_tasks = UINT64_C(1) << schema->block_log2;
    wanted.part = schema->part;
    wanted.parts = schema->parts;
    return wanted;
}

static rk_status match_job(const rk__run_options *options, rk__record *record, rk__job *job, rk_error *err) {
    rk_status status = rk__record_match(record, &job->identity, &job->schema, options->accept_kernel, err);
    if (status != RK_OK)
        rk__job_fini(job);
    return status;
}

rk_status rk__job_of_record(const rk__run_options *options, rk__record *record, rk__job *job, rk_error *err) {
    rk__run_options wanted = options_of(options, record);
    if (rk__job_create(job, &wanted, rk__record_identity(record)->space_text, true, err) != RK_OK)
        return rk__prefix(err, "resuming %s: ", rk__record_path(record));
    return match_job(options, record, job, err);
}

rk_status rk__job_to_read(const rk__run_options *options, rk__record *record, rk__job *job, rk_error *err) {
    rk__run_options wanted = options_of(options, record);
    RK_TRY(rk__job_create(job, &wanted, rk__record_identity(record)->space_text, false, err));
    return match_job(options, record, job, err);
}

/* Found out before the first task, and before mpirun is started. */
static rk_status check_output(const char *path, bool force, rk_error *err) {
    char directory[4096];
    struct stat info;
    snprintf(directory, sizeof directory, "%s", path);
    char *slash = strrchr(directory, '/');
    if (slash[1] == '\0')
        return rk__fail(err, RK_EINVAL, "output '%s' is a directory; name a file in it with -o", path);
    slash[slash == directory ? 1 : 0] = '\0';
    if (stat(directory, &info) != 0 || !S_ISDIR(info.st_mode))
        return rk__fail(err, RK_ENOENT, "output directory '%s' does not exist: make it, or choose another with -o",
                        directory);
    RK_TRY(rk__place_check(path, force, err));
    if (access(directory, W_OK | X_OK) != 0)
        return rk__fail(err, RK_EPERM, "output directory '%s': %s; choose another with -o", directory,
                        rk__errno_text(errno));
    return RK_OK;
}

static rk_status fill_plan(const rk__run_options *options, rk__job *job, rk__run_plan *plan, rk_error *err) {
    RK_TRY(rk__job_output(options, job->module.kernel, plan->path, sizeof plan->path, err));
    RK_TRY(check_output(plan->path, options->force, err));
    RK_TRY(check_input(job, plan->path, err));
    plan->tasks = rk__schema_part_tasks(&job->schema);
    plan->team_size = job->team_size;
    plan->blocks = job->schema.blocks;
    plan->block_tasks = UINT64_C(1) << job->schema.block_log2;
    plan->file_bytes = rk__schema_file_bytes(&job->schema);
    for (size_t c = 0; c < job->schema.column_count; c++)
        if (job->schema.columns[c].keep)
            plan->row_bytes += job->schema.columns[c].row_bytes;
    plan->partial_bytes = job->schema.partial_bytes;
    plan->rank_bytes = (UINT64_C(4) << 20) + 4 * plan->partial_bytes + 2 * plan->row_bytes + plan->blocks / 8;
    plan->space = job->space;
    plan->schema = job->schema;
    job->space = NULL;
    job->schema = (rk__schema){0};
    return RK_OK;
}

rk_status rk__job_check_reuse(const rk__run_options *options, const rk__job *job, rk_error *err) {
    rk__reuse *reuse = NULL;
    char path[PATH_MAX];
    RK_TRY(rk__job_output(options, job->module.kernel, path, sizeof path, err));
    if (options->reuse == NULL)
        return RK_OK;
    RK_TRY(check_spared(path, "--reuse", options->reuse, err));
    rk_status status = rk__reuse_open(&reuse, job, options->reuse, err);
    rk__reuse_close(reuse);
    return status;
}

rk_status rk__run_prepare(const rk__run_options *options, rk__run_plan *plan, rk_error *err) {
    rk__job job;
    *plan = (rk__run_plan){0};
    RK_TRY(rk__job_create(&job, options, NULL, false, err));
    rk_status status = rk__job_check_reuse(options, &job, err);
    if (status == RK_OK)
        status = fill_plan(options, &job, plan, err);
    /* The space points into the kernel's description: its shared object stays loaded. */
    job.module.handle = NULL;
    job.module.kernel = NULL;
    rk__job_fini(&job);
    return status;
}

void rk__run_plan_fini(rk__run_plan *plan) {
    rk__space_destroy(plan->space);
    rk__schema_fini(&plan->schema);
    *plan = (rk__run_plan){0};
}
