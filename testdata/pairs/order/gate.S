# gate_step runs on into what stands behind it: gate_land, when it is the next object.
    .text
    .globl gate_step
    .type gate_step, @function
    .p2align 4
gate_step:
    lea 5(%rdi), %edi
    nopw 0(%rax,%rax)
    nop
    .size gate_step, . - gate_step
    .p2align 4
    .section .note.GNU-stack,"",@progbits
