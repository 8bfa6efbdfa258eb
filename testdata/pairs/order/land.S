    .text
    .globl gate_land
    .type gate_land, @function
    .p2align 4
gate_land:
    mov %edi, %eax
    ret
    .size gate_land, . - gate_land
    .section .note.GNU-stack,"",@progbits
