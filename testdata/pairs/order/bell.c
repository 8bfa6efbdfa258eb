/* Code that other files call, with data of every kind beside it. */
#include <stdio.h>
#include <stdlib.h>
#include "turn.h"

int bell_count = 3;
static int rung;
static const char *const tones[] = {"low", "middle", "high"};
static const int weights[4] = {11, 22, 33, 44};

__attribute__((noreturn)) void bell_stop(const char *why)
{
    fprintf(stderr, "bell: %s\n", why);
    exit(3);
}

const char *bell_tone(int n)
{
    if (n < 0 || n > 2)
        bell_stop("no such tone");
    rung += weights[n];
    return tones[n];
}

int bell_rung(void) { return rung * bell_count; }

int bell_left(int n) { return puts(n ? "left" : "still"); }
int bell_right(int n) { return puts(n ? "right" : "quiet"); }

#ifdef STARTS
__attribute__((constructor)) static void bell_start(void) { bell_count *= 2; }
#endif
