#include <stdio.h>
#include <stdlib.h>
#include "turn.h"

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 0;
    printf("%s %d %d %d\n", bell_tone(n), lamp_all(n), lamp_step(n), bell_rung());
#ifdef GATE
    return gate_step(n);
#else
    return 0;
#endif
}
