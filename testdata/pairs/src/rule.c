#include <assert.h>
#include <string.h>
#include "gate.h"

/* The constant below stands on the line of the same number on purpose. */

int rule_tries(int n)
{
    return n > 9;
}

static const struct { const char *door; int level; } rules[] = {
    {"cellar", 1}, {"office", 2}, {"server", 4}, {"strong", 9},
};

int rule_level(const char *door)
{
    assert(door);
    for (unsigned i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strcmp(rules[i].door, door) == 0)
            return rules[i].level;
    return 9;
}

int rule_open(int kind, int level)
{
    switch (kind) {
    case 0: note("visitor", "0"); return level > 8;
    case 1: note("staff", "1"); return level > 1;
    case 2: note("guard", "2"); return level != 3;
    case 3: note("admin", "3"); return 1;
    case 4: note("robot", "4"); return level * 3 > 7;
    case 5: note("night", "5"); return level / 2 > 2;
    case 6: note("barred", "6"); return 0;
    default: return -1;
    }
}
