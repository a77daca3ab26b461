#include "message.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

void message_clear(message *m) {
    m->head = (message_head){0};
    m->failed = false;
}

void message_add(message *m, const char *bytes, size_t length) {
    if (m->head.bytes + length > m->room) {
        size_t room = 2 * (m->head.bytes + length) + 8192;
        char *data = realloc(m->data, room);
        if (data == NULL) {
            m->failed = true;
            return;
        }
        m->data = data;
        m->room = room;
    }
    memcpy(m->data + m->head.bytes, bytes, length);
    m->head.bytes += length;
}

void message_end_word(message *m) {
    message_add(m, "", 1);
    m->head.words++;
}

void message_end_variable(message *m) {
    message_add(m, "", 1);
    m->head.variables++;
}

void message_variable(message *m, const char *prefix, const char *name, const char *value) {
    message_add(m, prefix, strlen(prefix));
    message_add(m, name, strlen(name));
    message_add(m, "=", 1);
    message_add(m, value, strlen(value));
    message_end_variable(m);
}

/* Seen under Open MPI 4.1 and 5 (mpirun, prterun), Slurm's PMI and PMIx plug-ins, and MPICH's hydra. The last three
 * are set by Open MPI for its ranks' network libraries. */
static bool belongs_to_ranks(const char *variable) {
    static const char *const begins[] = {"RANKINE_",
                                         "OMPI_",
                                         "PMIX_",
                                         "PMI_",
                                         "PMI2_",
                                         "ORTE_",
                                         "PRTE_",
                                         "OPAL_",
                                         "MPIEXEC_",
                                         "HYDI_",
                                         "HYDRA_",
                                         "MPI_LOCAL",
                                         "SLURM_PMIX",
                                         "SLURM_PMI",
                                         "SLURM_MPI_TYPE=",
                                         "HFI_NO_BACKTRACE=",
                                         "IPATH_NO_BACKTRACE=",
                                         "PSM2_DEVICES="};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strncmp(variable, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

void message_add_environment(message *m) {
    for (char **variable = environ; *variable != NULL; variable++)
        if (!belongs_to_ranks(*variable)) {
            message_add(m, *variable, strlen(*variable));
            message_end_variable(m);
        }
}

void message_fini(message *m) {
    free(m->data);
    *m = (message){0};
}
