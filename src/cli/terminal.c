#include "cli/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <unistd.h>

enum { COLUMNS_UNKNOWN = 80, ROWS_UNKNOWN = 24 };

/* Alternate buffer, no cursor, no wrapping (xterm's control sequences: 1049, 25, 7); and back. */
#define ENTER  "\033[?1049h\033[?25l\033[?7l"
#define LEAVE  "\033[?7h\033[?25h\033[?1049l"
#define CTRL_C 3

/* What a signal handler may reach. Signals are blocked but for the wait, so none is missed. */
static volatile sig_atomic_t quit_asked, stop_asked, size_changed;

static void on_signal(int number) {
    if (number == SIGTSTP)
        stop_asked = 1;
    else if (number == SIGWINCH)
        size_changed = 1;
    else
        quit_asked = 1;
}

/* What the parent had us ignore (nohup, a shell's background job) stays ignored. */
static void handle(int number) {
    struct sigaction action = {.sa_handler = on_signal}, before;
    sigemptyset(&action.sa_mask);
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(number, &action, NULL);
}

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static void block_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < NUMBERS; i++)
        sigaddset(&set, numbers[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* The set of blocked signals with ours taken out. */
static void fill_waiting(sigset_t *set) {
    sigprocmask(SIG_BLOCK, NULL, set);
    for (size_t i = 0; i < NUMBERS; i++)
        sigdelset(set, numbers[i]);
}

/* ---- what kind of terminal ---- */

bool rk__terminal_can_draw(void) {
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
}

bool rk__terminal_has_color(void) {
    const char *no_color = getenv("NO_COLOR");
    return rk__terminal_can_draw() && (no_color == NULL || *no_color == '\0');
}

/* The first of these that is set counts, as in setlocale(3), which this does not call: numbers stay as they are. */
bool rk__terminal_has_utf8(void) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != '\0')
            return strstr(value, "UTF-8") != NULL || strstr(value, "utf8") != NULL || strstr(value, "utf-8") != NULL;
    }
    return false;
}

void rk__terminal_size(int *columns, int *rows) {
    struct winsize window;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0;
    *columns = known && window.ws_col > 0 ? window.ws_col : COLUMNS_UNKNOWN;
    *rows = known && window.ws_row > 0 ? window.ws_row : ROWS_UNKNOWN;
}

bool rk__terminal_put(const char *text, size_t length) {
    while (length > 0) {
        ssize_t wrote = write(STDOUT_FILENO, text, length);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        text += wrote;
        length -= (size_t)wrote;
    }
    return true;
}

/* ---- taking the screen and giving it back ---- */

static void enter(rk__terminal *terminal) {
    if (!terminal->screen)
        return;
    terminal->keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &terminal->before) == 0;
    if (terminal->keys) {
        struct termios raw = terminal->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        terminal->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
    }
    terminal->entered = rk__terminal_put(ENTER, strlen(ENTER));
}

static void leave(rk__terminal *terminal) {
    if (terminal->entered)
        rk__terminal_put(LEAVE, strlen(LEAVE));
    if (terminal->raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
    terminal->entered = terminal->raw = false;
}

void rk__terminal_open(rk__terminal *terminal, bool screen) {
    *terminal = (rk__terminal){.screen = screen};
    quit_asked = stop_asked = size_changed = 0;
    block_signals();
    for (size_t i = 0; i < NUMBERS; i++)
        if (screen || (numbers[i] != SIGTSTP && numbers[i] != SIGWINCH))
            handle(numbers[i]);
    enter(terminal);
}

void rk__terminal_close(rk__terminal *terminal) {
    leave(terminal);
}

/* Ctrl-Z: the shell gets its terminal as it was. */
static void suspend(rk__terminal *terminal) {
    leave(terminal);
    raise(SIGSTOP);
    enter(terminal);
}

/* Home, every line with the rest of it cleared, then what is below. */
void rk__terminal_draw(rk__terminal *terminal, const char *lines) {
    rk__text frame = RK__TEXT_INIT;
    (void)terminal;
    rk__text_add(&frame, "\033[H");
    for (bool first = true; *lines != '\0'; first = false) {
        size_t length = strcspn(lines, "\n");
        rk__text_add(&frame, "%s%.*s\033[K", first ? "" : "\n", (int)length, lines);
        lines += length + (lines[length] == '\n');
    }
    rk__text_add(&frame, "\033[J");
    if (!frame.failed)
        rk__terminal_put(rk__text_get(&frame), frame.length);
    rk__text_fini(&frame);
}

/* ---- waiting ---- */

static bool quit_was_typed(rk__terminal *terminal) {
    char keys[64];
    ssize_t count = read(STDIN_FILENO, keys, sizeof keys);
    if (count <= 0) {
        terminal->keys = false; /* the terminal went away */
        return false;
    }
    return memchr(keys, 'q', (size_t)count) || memchr(keys, 'Q', (size_t)count) || memchr(keys, CTRL_C, (size_t)count);
}

/* Signals come in here only. True: something can be read. */
static bool sleep_until_key(const rk__terminal *terminal, uint64_t ns) {
    struct timespec time = {(time_t)(ns / UINT64_C(1000000000)), (long)(ns % UINT64_C(1000000000))};
    sigset_t blocked;
    fd_set set;
    fill_waiting(&blocked);
    FD_ZERO(&set);
    if (terminal->keys)
        FD_SET(STDIN_FILENO, &set);
    return pselect(STDIN_FILENO + 1, &set, NULL, NULL, &time, &blocked) > 0;
}

rk__terminal_event rk__terminal_wait(rk__terminal *terminal, uint64_t ns) {
    uint64_t end = rk__clock_ns() + ns;
    for (uint64_t now = rk__clock_ns(); now < end; now = rk__clock_ns()) {
        bool key = sleep_until_key(terminal, end - now);
        if (quit_asked || (key && quit_was_typed(terminal)))
            return RK__TERMINAL_QUIT;
        if (stop_asked) {
            stop_asked = 0;
            suspend(terminal);
            return RK__TERMINAL_REDRAW;
        }
        if (size_changed) {
            size_changed = 0;
            return RK__TERMINAL_REDRAW;
        }
    }
    return RK__TERMINAL_TIME;
}
