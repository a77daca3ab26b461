/* Reasons for waiting that waiting does not mend. The words are Slurm's (its manual: "Job Reason Codes"); details may
 * stand behind them, after a comma. Reasons that are not in the table go by: Priority, Resources, Dependency,
 * BeginTime, limits on all jobs of a user or account (QOSMaxJobsPerUserLimit), and those that an administrator's work
 * ends soon. */
#include <string.h>

#include "batch/batch.h"

typedef struct reason {
    const char *begin, *part; /* of the word: how it begins, and what is in it (NULL: anything) */
    rk__batch_obstacle obstacle;
} reason;

#define ANEW(meaning, how)                                                                                             \
    { meaning, "scancel", "and submit it anew " how }

/* The first that fits. */
static const reason REASONS[] = {
    {"JobHeldUser", NULL, {"it is held", "scontrol release", "lets it go"}},
    {"JobHoldMaxRequeue", NULL, {"it was queued again too often, and is held", "scontrol release", "lets it go"}},
    {"JobHeldAdmin", NULL, {"an administrator holds it, and knows why", NULL, NULL}},
    {"JobLaunchFailure",
     NULL,
     {"it could not be started on a node (see the log, and ask an administrator)", "scontrol release",
      "tries it again"}},
    {"launch failed",
     NULL,
     {"it could not be started on a node (see the log, and ask an administrator)", "scontrol release",
      "tries it again"}},
    {"BadConstraints", NULL,
     ANEW("no node has what it asks for", "with another --constraint, --mem, --gres or --cpus-per-task (sinfo -Nl)")},
    {"DependencyNeverSatisfied", NULL,
     ANEW("a job that it depends on did not end as --dependency wants it", "without that --dependency")},
    {"PartitionNodeLimit", NULL,
     ANEW("its partition does not give that many nodes, or not so few", "with another -N or --partition (sinfo)")},
    {"PartitionConfig", NULL,
     ANEW("its partition does not have or give what it asks for", "with less, or with another --partition (sinfo)")},
    {"PartitionTimeLimit", NULL,
     ANEW("it asks for more time than its partition gives",
          "with a shorter --time (and --until-done) or another --partition (sinfo)")},
    {"PartitionDown", NULL, ANEW("its partition is down", "with another --partition (sinfo), if it stays so")},
    {"PartitionInactive", NULL, ANEW("its partition is inactive", "with another --partition (sinfo), if it stays so")},
    {"ReqNodeNotAvail", NULL,
     ANEW("a node that it needs is down, drained or reserved (sinfo -R; scontrol show reservation)",
          "without --nodelist, or with a --time that ends before the reservation begins")},
    {"ReservationDeleted", NULL, ANEW("its reservation is gone", "without --reservation")},
    {"InvalidAccount", NULL, ANEW("its account is not valid here", "with another --account")},
    {"AccountNotAllowed", NULL, ANEW("its account may not use its partition", "with another --account or --partition")},
    {"InvalidQOS", NULL, ANEW("its QOS is not valid here", "with another --qos")},
    {"QOSNotAllowed", NULL, ANEW("its QOS may not be used there", "with another --qos or --partition")},
    {"QOSMin", NULL, ANEW("it asks for less than its QOS wants", "with more, or with another --qos")},
    {"QOSMax", "PerJob", ANEW("it asks for more than its QOS gives a job", "with less, or with another --qos")},
    {"QOSMax", "PerNode", ANEW("it asks for more of a node than its QOS gives", "with less, or with another --qos")},
    {"AssocMax", "PerJob",
     ANEW("it asks for more than its account gives a job", "with less, or with another --account")},
    {"AssocMax", "PerNode",
     ANEW("it asks for more of a node than its account gives", "with less, or with another --account")},
    {"AssocGrp", "RunMinutes",
     ANEW("the jobs of its account have all that it may run at once, and it may be more than "
          "that by itself",
          "with less --time, nodes or tasks, or with another --account")},
    {"AssocGrp", "Minutes", ANEW("the time of its account is used up (sshare)", "with another --account")},
    {"AssocGrpWall", NULL, ANEW("the time of its account is used up (sshare)", "with another --account")},
    {"AssocGrp", NULL,
     ANEW("the jobs of its account have all that it gives, and it may be more than that by itself",
          "with less, or with another --account")},
    {"QOSGrp", "RunMinutes",
     ANEW("the jobs of its QOS have all that they may run at once, and it may be more than that "
          "by itself",
          "with less --time, nodes or tasks, or with another --qos")},
    {"QOSGrp", "Minutes", ANEW("the time of its QOS is used up", "with another --qos")},
    {"QOSGrpWall", NULL, ANEW("the time of its QOS is used up", "with another --qos")},
    {"QOSGrp", NULL,
     ANEW("the jobs of its QOS have all that it gives, and it may be more than that by itself",
          "with less, or with another --qos")},
};

const rk__batch_obstacle *rk__batch_obstacle_of(const char *text) {
    for (size_t i = 0; i < sizeof REASONS / sizeof *REASONS; i++)
        if (strncmp(text, REASONS[i].begin, strlen(REASONS[i].begin)) == 0 &&
            (REASONS[i].part == NULL || strstr(text, REASONS[i].part) != NULL))
            return &REASONS[i].obstacle;
    return NULL;
}
