#ifndef GATE_H
#define GATE_H
struct badge { char name[24]; unsigned pin; int level; };
int rule_level(const char *door);
int rule_open(int kind, int level);
int rule_tries(int n);
unsigned pin_mix(unsigned pin, const char *salt);
int pin_check(const struct badge *b, unsigned pin);
int pin_always(const struct badge *b, unsigned pin);
void note(const char *what, const char *who);
double note_share(int part, int whole);
const char *stamp(void);
#endif
