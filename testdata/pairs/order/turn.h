int bell_left(int n);
int bell_right(int n);
int bell_rung(void);
const char *bell_tone(int n);
__attribute__((noreturn)) void bell_stop(const char *why);
int lamp_step(int n);
int lamp_all(int n);
int gate_step(int n);
