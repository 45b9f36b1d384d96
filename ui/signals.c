#include <config.h> /* pipe2 */

#include "signals.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { WATCHED = 6, CRASHES = 6, ALTERNATE_STACK = 65536 };

static const int watched[WATCHED] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT};
static const int crashes[CRASHES] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT};

/* A signal handler has no other way to its data than static storage. */
static struct sigaction watched_before[WATCHED], crashes_before[CRASHES];
static int pipe_ends[2] = {-1, -1};
static struct {
    bool armed;
    int terminal;
    struct termios modes;
    char restore[512];
    size_t length;
} guard;
static _Alignas(16) char alternate_stack[ALTERNATE_STACK];

static void note(int signal)
{
    int saved = errno;
    unsigned char byte = (unsigned char)signal;
    /* A full pipe already holds enough to wake the loop. */
    ssize_t written = write(pipe_ends[1], &byte, 1);
    (void)written;
    errno = saved;
}

int signals_open(void)
{
    if (pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return -1;
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < WATCHED; i++)
        sigaction(watched[i], &action, &watched_before[i]);
    return pipe_ends[0];
}

int signals_next(void)
{
    unsigned char byte;
    return read(pipe_ends[0], &byte, 1) == 1 ? byte : 0;
}

void signals_close(void)
{
    for (int i = 0; i < WATCHED; i++)
        sigaction(watched[i], &watched_before[i], NULL);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

/* Only calls that POSIX allows in a handler: write, tcsetattr, sigaction, raise. */
static void crash(int signal, siginfo_t *info, void *context)
{
    (void)context;
    size_t done = 0;
    while (done < guard.length) {
        ssize_t written = write(guard.terminal, guard.restore + done, guard.length - done);
        if (written <= 0)
            break;
        done += (size_t)written;
    }
    tcsetattr(guard.terminal, TCSANOW, &guard.modes);
    for (int i = 0; i < CRASHES; i++)
        sigaction(crashes[i], &crashes_before[i], NULL);
    /* A fault happens again when the handler returns, then with its true address for a debugger or
     * sanitizer; a signal that was sent has to be sent again. */
    if (info->si_code <= 0 || signal == SIGABRT)
        raise(signal);
}

void signals_guard(int terminal, const struct termios *modes, const char *restore, size_t length)
{
    guard.armed = true;
    guard.terminal = terminal;
    guard.modes = *modes;
    guard.length = length < sizeof guard.restore ? length : sizeof guard.restore;
    memcpy(guard.restore, restore, guard.length);
    stack_t stack = {.ss_sp = alternate_stack, .ss_size = sizeof alternate_stack};
    sigaltstack(&stack, NULL);
    struct sigaction action = {.sa_sigaction = crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < CRASHES; i++)
        sigaction(crashes[i], &action, &crashes_before[i]);
}

void signals_unguard(void)
{
    if (!guard.armed)
        return;
    guard.armed = false;
    for (int i = 0; i < CRASHES; i++)
        sigaction(crashes[i], &crashes_before[i], NULL);
    stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, NULL);
}

void signals_stop(void)
{
    struct sigaction plain = {.sa_handler = SIG_DFL}, before;
    sigemptyset(&plain.sa_mask);
    sigaction(SIGTSTP, &plain, &before);
    kill(0, SIGTSTP);
    /* Here the process sleeps until SIGCONT. */
    sigaction(SIGTSTP, &before, NULL);
}
