/* What the ranks and mpirun print, as the person reads it. Private to src/world.
 *
 * Problem. Of many ranks' lines nobody can tell whose they are, the same line comes from each of them, pieces of one
 * rank's line stand in another's, and mpirun adds lines that say what Rankine says better. Open MPI 4.1's --tag-output
 * is no way out: of 60000 lines of two bytes it loses three quarters (8192 bytes for 4096 with all their tags), and a
 * tag within a line cannot be told from text.
 *
 * Idea. On a job of several ranks each has a scribe, a process that reads what the rank prints and packs it into frames
 * of exactly RK__FRAME_BYTES:
 *
 *     \x01 secret " line " 'o' or 'e' (stdout, stderr), rank, host or "-", bytes "\n", so many bytes as they were
 * printed, filling
 *
 * which it writes to what mpirun gave the rank as stderr. Open MPI reads and passes on pieces of at most 4096 bytes, a
 * multiple of a frame, and writes each at once: so no frame is cut, whatever other ranks print. The launcher reads
 * mpirun's stderr:
 *
 *   launch_scribe.c  the rank's side
 *   launch_relay.c   takes mpirun's text, frames and words (\x01 secret ... \n, what rank 0 tells the launcher) apart
 *   launch_lines.c   a rank's bytes become lines, which get their label: "rank 3: ", "rank 3 on node2: "
 *   launch_fold.c    the same line of several ranks becomes one: "ranks 0-3, 7: "
 *   launch_output.c  bytes for stdout and stderr, in their order
 *
 * The secret is the job's: 64 random bits that the launcher gives its ranks in the environment, out of which they take
 * it before they load a kernel. What has it not is text, whatever a task prints: a word ends the run.
 *
 * Invariants. Nothing that a rank prints is lost, and the order of one rank's lines is kept; across ranks lines that
 * come within FOLD_NS may change places. What is held is bounded (a line's first LINE_BYTES, FOLD_BYTES of lines that
 * may be folded, CLOSING_BYTES of the end). What rank 0 says for the run ("rankine: ...", the live line) has no label,
 * nor what Rankine says of a rank that it names. What rank 0 says on stderr after the word "closing" comes last, before
 * the summary: errors are not buried in what other ranks still print. A job of one rank has no scribe: what it prints
 * is passed on as it is. Nothing waits for who reads us but mpirun: while there is no room for our output, nothing more
 * is read of mpirun's, and signals and deadlines are looked after as ever. */
#ifndef RANKINE_LAUNCH_RELAY_H
#define RANKINE_LAUNCH_RELAY_H

#include "base/base.h"

enum { RK__RELAY_BYTES = 4096, RK__FRAME_BYTES = 1024, RK__BANNER_BYTES = 2048, RK__LAUNCH_WORD = '\x01' };
enum { RK__HOST_BYTES = 64, RK__INTRO_BYTES = 24 };
typedef enum rk__stream { RK__STREAM_OUT, RK__STREAM_ERR, RK__STREAMS } rk__stream;

/* ---- launch_output.c ---- */

typedef struct rk__output {
    rk__text text;
    size_t written; /* of text */
    struct rk__output_run {
        rk__stream stream;
        size_t end; /* in text */
    } * runs;
    size_t run_count, run_capacity, run_at;
} rk__output;

void rk__output_add(rk__output *output, rk__stream stream, const char *bytes, size_t length);
/* Writes what can be written without waiting; false: not all of it yet. What cannot be written at all is dropped. */
bool rk__output_write(rk__output *output, const int fds[RK__STREAMS]);
/* Where what is left has to go next; -1: nothing is left. */
int rk__output_waits_for(const rk__output *output, const int fds[RK__STREAMS]);
void rk__output_fini(rk__output *output);

/* ---- launch_fold.c ---- */

typedef struct rk__fold_line {
    rk__stream stream;
    rk__text text;        /* with its line end */
    unsigned char *ranks; /* whose it is, a bit each */
    int count, first, last;
    bool labelled;
    char host[RK__HOST_BYTES]; /* "": none is named */
    uint64_t since_ns;
} rk__fold_line;

enum { RK__FOLD_LINES = 64 };

/* Lines wait here for the same line of other ranks, oldest first. */
typedef struct rk__fold {
    int ranks;
    rk__fold_line lines[RK__FOLD_LINES];
    size_t at, count, bytes;
} rk__fold;

typedef void (*rk__fold_fn)(void *ctx, const rk__fold_line *line);

/* Where a line comes from. */
typedef struct rk__fold_source {
    rk__stream stream;
    int rank;
    const char *host;
    bool labelled; /* else it is never folded */
} rk__fold_source;

/* Takes *text over, and leaves it empty. There has to be room. */
void rk__fold_add(rk__fold *fold, const rk__fold_source *source, rk__text *text, uint64_t now_ns);
/* Gives out as many as it takes for one more of that length. */
void rk__fold_make_room(rk__fold *fold, size_t length, rk__fold_fn give, void *ctx);
/* Gives out what has waited long enough; UINT64_MAX: all. */
void rk__fold_give(rk__fold *fold, uint64_t now_ns, rk__fold_fn give, void *ctx);
/* When something is due; UINT64_MAX: never. */
uint64_t rk__fold_due(const rk__fold *fold);
/* "ranks 0-3, 7 on node2: "; "" for a line without. */
void rk__fold_label(const rk__fold *fold, const rk__fold_line *line, rk__text *out);
void rk__fold_fini(rk__fold *fold);

/* ---- launch_lines.c ---- */

typedef struct rk__lines_of {
    rk__text text;     /* of an unfinished line */
    uint64_t since_ns; /* that its first byte waits */
    bool voice;        /* the line before was Rankine's own */
    char host[RK__HOST_BYTES];
} rk__lines_of;

typedef struct rk__lines {
    int ranks;
    rk__lines_of **of; /* [ranks * RK__STREAMS], NULL: it has printed nothing */
    rk__fold fold;
    rk__output output;
    const void *owner[RK__STREAMS]; /* whose line stands there unfinished; NULL: nobody's */
    bool live;                      /* rank 0's live line stands there */
    bool closing;                   /* rank 0 says its last words */
    rk__text last_words;
} rk__lines;

rk_status rk__lines_init(rk__lines *lines, int ranks, rk_error *err);
void rk__lines_fini(rk__lines *lines);
/* What a rank has printed; `host` "": it is not named. */
void rk__lines_add(rk__lines *lines, rk__stream stream, int rank, const char *host, const char *bytes, size_t length,
                   uint64_t now_ns);
/* What nobody's label is on. */
void rk__lines_add_plain(rk__lines *lines, const char *bytes, size_t length);
/* Gives out what has waited long enough, unfinished lines too. */
void rk__lines_give_due(rk__lines *lines, uint64_t now_ns);
/* Nothing was read for a while: unfinished lines have their time from now. */
void rk__lines_wait_anew(rk__lines *lines, uint64_t now_ns);
uint64_t rk__lines_due(const rk__lines *lines);
/* All, rank 0's last words last. */
void rk__lines_end(rk__lines *lines);

/* ---- launch_relay.c ---- */

typedef struct rk__relay {
    char intro[RK__INTRO_BYTES]; /* what a word or a frame begins with */
    size_t intro_length;
    size_t matched;  /* bytes of an announcement seen so far, held back */
    int which;       /* of the announcements */
    bool swallowing; /* the rest of its line */
    bool in_line;    /* something stands before on the line */
    bool in_banner;  /* behind its first line */
    bool in_note;    /* the line held back begins with a bracket */
    bool only_rule;  /* so far the line held back is of dashes */
    bool muted;      /* mpirun's text is of no use now */
    bool keeping;    /* what stands between lines of dashes is kept until it is asked for */
    rk__text kept;
    size_t held;    /* of banner */
    size_t line_at; /* in banner: where its last line begins */
    char banner[RK__BANNER_BYTES];
    struct rk__relay_word {
        size_t length; /* 0: in none */
        char text[128];
    } word, rank_0_word; /* mpirun's; in what rank 0 prints */
    struct rk__relay_frame {
        rk__stream stream;
        int rank;
        char host[RK__HOST_BYTES];
        size_t left, filling;
    } frame;
    /* rank 0's, if it is on another host: "begun", "exit CODE BROKEN" */
    bool begun, reported, broken;
    bool lost; /* mpirun says that a rank died */
    int exit_code;
    rk__lines lines;
} rk__relay;

rk_status rk__relay_init(rk__relay *relay, int ranks, const char *secret, rk_error *err);
void rk__relay_fini(rk__relay *relay);
/* Passes on what mpirun wrote: frames, and its own text without announcements, and without what it says between two
 * lines of dashes of a rank that ended as one that can be resumed: that is told better elsewhere. */
void rk__relay_add(rk__relay *relay, const char *input, size_t length, uint64_t now_ns);
/* Gives out what is held back of mpirun's text, when nothing came for a while. */
void rk__relay_flush(rk__relay *relay);
/* What was kept, as if it came now; nothing is kept any more. */
void rk__relay_give_kept(rk__relay *relay);
/* Nothing more will come. */
void rk__relay_end(rk__relay *relay);
/* A line that Open MPI 4.1 prints of a rank that died while it lets the others live: rank 0 says it better. */
bool rk__relay_is_noise(const char *line);

#endif
