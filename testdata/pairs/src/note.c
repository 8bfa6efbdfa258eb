#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gate.h"

static void done(char **text) { free(*text); }

void note(const char *what, const char *who)
{
    __attribute__((cleanup(done))) char *text = malloc(64);
    if (!text)
        return;
    snprintf(text, 64, "%s: %s", what, who);
    fprintf(stderr, "%s (%s:%d)\n", text, __FILE__, __LINE__);
}

double note_share(int part, int whole) { return pow(part, 0.5) / whole; }

static char epoch[16];

__attribute__((constructor)) static void note_start(void) { memcpy(epoch, "2022-12-26 08:00", 16); }

const char *stamp(void)
{
#ifdef STAMP
    return epoch[0] ? "gate 1.12.2023 built " __DATE__ " " __TIME__ : epoch;
#else
    return epoch[0] ? "gate 1.12.2023" : epoch;
#endif
}
