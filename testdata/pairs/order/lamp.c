#include <stdio.h>
#include <string.h>
#include "turn.h"

char lamp_name[24] = "lamp";
double lamp_level = 0.25;
static unsigned char lit[40];
static int (*const steps[])(int) = {bell_left, bell_right, lamp_step};

int lamp_step(int n)
{
    switch (n) {
    case 0: lit[1]++; return 4;
    case 1: lit[2]++; return 8;
    case 2: puts("two"); return 15;
    case 3: puts("three"); return 16;
    case 4: lit[5] = 2; return 23;
    case 5: lamp_level *= 1.5; return 42;
    case 6: strcpy(lamp_name, "out"); return 7;
    default: bell_stop("no such step");
    }
}

int lamp_all(int n) { return n < 3 ? steps[n](n) + lit[n] : (int)(lamp_level * 8.0); }

#ifdef STARTS
__attribute__((constructor)) static void lamp_start(void) { lit[3] = (unsigned char)bell_rung(); }
#endif
