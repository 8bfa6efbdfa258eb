//! seccomp: the calls that are still answered. Whatever is not in the list is refused (EPERM), also calls that are newer than
//! this program, and the numbers of other ABIs.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
    apply_filter_all_threads,
};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Reading and writing what is open, memory, threads, waiting, clocks, and asking about files.
const ALWAYS: &[c_long] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_pipe2,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_fgetxattr,
    libc::SYS_flistxattr,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_fadvise64,
    libc::SYS_flock,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_umask,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_msync,
    libc::SYS_mincore,
    libc::SYS_brk,
    libc::SYS_membarrier,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getrlimit,
    libc::SYS_getrusage,
    libc::SYS_times,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_getcpu,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_recvfrom,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// The same by their older names, which musl and some old code use.
#[cfg(target_arch = "x86_64")]
const ALWAYS_OLD: &[c_long] = &[
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_wait,
    libc::SYS_time,
];
#[cfg(target_arch = "aarch64")]
const ALWAYS_OLD: &[c_long] = &[];

/// Making, renaming and removing files: where there is a folder that may be written. Nothing here changes rights, owners or times:
/// neither of the two ways of keeping a process to its files would see where.
const WRITING: &[c_long] =
    &[libc::SYS_mkdirat, libc::SYS_unlinkat, libc::SYS_renameat, libc::SYS_renameat2, libc::SYS_ftruncate, libc::SYS_fallocate];
#[cfg(target_arch = "x86_64")]
const WRITING_OLD: &[c_long] = &[libc::SYS_mkdir, libc::SYS_rmdir, libc::SYS_unlink, libc::SYS_rename];
#[cfg(target_arch = "aarch64")]
const WRITING_OLD: &[c_long] = &[];

/// Those of them that need no more than a file that is open to be written.
const OF_OPEN_FILES: &[c_long] = &[libc::SYS_ftruncate, libc::SYS_fallocate];

/// Asking and setting the terminal's modes, its size, and flags of a descriptor. TIOCSTI (type for the reviewer) is not here.
const IOCTLS: &[u32] = &[
    0x5401,
    0x5402,
    0x5403,
    0x5404, // TCGETS, TCSETS, TCSETSW, TCSETSF
    0x802c_542a,
    0x402c_542b,
    0x402c_542c,
    0x402c_542d, // TCGETS2, TCSETS2, TCSETSW2, TCSETSF2: rustix uses them
    0x5413,      // TIOCGWINSZ
    0x541b,
    0x5421,
    0x5450,
    0x5451, // FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
];

/// Locks and flags; not F_SETOWN and F_SETSIG, which send signals to others.
const FCNTLS: &[i32] = &[
    libc::F_DUPFD,
    libc::F_DUPFD_CLOEXEC,
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
    libc::F_SETFL,
    libc::F_GETLK,
    libc::F_SETLK,
    libc::F_SETLKW,
    libc::F_OFD_GETLK,
    libc::F_OFD_SETLK,
    libc::F_OFD_SETLKW,
];

/// Flags of `open` that make or change a file.
const OPEN_WRITES: i32 = libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC | (libc::O_TMPFILE & !libc::O_DIRECTORY);

/// Whether a file that is opened with those flags can be made or changed.
pub(super) fn writes(flags: i32) -> bool {
    flags & OPEN_WRITES != 0
}

/// Whether one may be made, so that its mode counts.
pub(super) fn makes(flags: i32) -> bool {
    flags & libc::O_CREAT != 0 || flags & libc::O_TMPFILE == libc::O_TMPFILE
}

/// Who sees where a file is that is opened.
pub(super) enum Places {
    /// Nobody: files are opened to be read, wherever they are.
    OnlyRead,
    /// Landlock, or the broker that takes the calls over: they pass the filter.
    Seen,
}

/// What no process may make, or not in this way: put on first, since the other allows no more filters. Of two answers the
/// stricter counts, and it lets `clone3` pass.
pub(super) fn install_threads() -> Result<(), String> {
    // Its flags are in memory that a filter cannot read. Told that it is not there, the C library takes `clone`.
    let no_clone3 = Rules::from([(libc::SYS_clone3, Vec::new())]);
    put(SeccompFilter::new(no_clone3, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32), arch()?))
}

/// Seals all threads; with `writing` files can be made and changed as far as whoever sees their places lets them.
pub(super) fn install(writing: bool, places: &Places) -> Result<(), String> {
    let rules = rules(writing, places).map_err(|e| e.to_string())?;
    put(SeccompFilter::new(rules, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow, arch()?))
}

/// Seals the broker: it opens files, makes, renames and removes them, and answers.
pub(super) fn install_for_broker(requests: &[u32]) -> Result<(), String> {
    let made = || {
        let mut rules = rules(true, &Places::Seen)?;
        rules.remove(&libc::SYS_clone3);
        rules.remove(&libc::SYS_clone);
        rules.insert(libc::SYS_openat2, Vec::new());
        let requests: Vec<[Condition; 1]> = requests.iter().map(|request| [(1, Eq, u64::from(*request))]).collect();
        when(&mut rules, libc::SYS_ioctl, &requests.iter().map(<[_; 1]>::as_slice).collect::<Vec<_>>())?;
        Ok(rules)
    };
    let rules = made().map_err(|e: seccompiler::BackendError| e.to_string())?;
    put(SeccompFilter::new(rules, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow, arch()?))
}

/// The filter that hands every call that names a place over to the broker.
pub(super) fn handed_over() -> Result<BpfProgram, String> {
    let opens = OPENS.iter().map(|(number, _)| number);
    let all = opens.chain(WRITING).chain(WRITING_OLD).filter(|number| !OF_OPEN_FILES.contains(number));
    let rules = all.map(|number| (*number, Vec::new())).collect();
    // The crate has no name for handing over: one that a tracer is asked about stands for it.
    let stands = SeccompAction::Trace(0);
    let mut program = compiled(SeccompFilter::new(rules, SeccompAction::Allow, stands, arch()?))?;
    let mut found = false;
    for step in program.iter_mut().filter(|step| step.code == RETURN && step.k == libc::SECCOMP_RET_TRACE) {
        step.k = libc::SECCOMP_RET_USER_NOTIF;
        found = true;
    }
    if found { Ok(program) } else { Err("seccomp: the filter for the broker is not what it must be; report this".to_owned()) }
}

/// The instruction that ends a filter with its answer (`BPF_RET | BPF_K`).
const RETURN: u16 = 0x06;

fn arch() -> Result<TargetArch, String> {
    TargetArch::try_from(std::env::consts::ARCH).map_err(|e| e.to_string())
}

fn compiled(filter: Result<SeccompFilter, seccompiler::BackendError>) -> Result<BpfProgram, String> {
    filter.and_then(BpfProgram::try_from).map_err(|e| format!("seccomp: {e}"))
}

fn put(filter: Result<SeccompFilter, seccompiler::BackendError>) -> Result<(), String> {
    apply_filter_all_threads(&compiled(filter)?).map_err(|e| format!("seccomp: {e}"))
}

fn rules(writing: bool, places: &Places) -> Result<Rules, seccompiler::BackendError> {
    let mut rules = Rules::new();
    let plain = ALWAYS.iter().chain(ALWAYS_OLD).chain(&[libc::SYS_clone3]);
    let written = WRITING.iter().chain(WRITING_OLD).filter(|_| writing);
    for number in plain.chain(written) {
        rules.insert(*number, Vec::new());
    }
    let own = u64::from(rustix::process::getpid().as_raw_nonzero().get().unsigned_abs());
    let exec = libc::PROT_EXEC as u64;
    let thread = libc::CLONE_THREAD as u64;
    // Memory that can run is never made, nor made to run later.
    when(&mut rules, libc::SYS_mmap, &[&[(2, MaskedEq(exec), 0)]])?;
    when(&mut rules, libc::SYS_mprotect, &[&[(2, MaskedEq(exec), 0)]])?;
    // A thread of this process, never another process.
    when(&mut rules, libc::SYS_clone, &[&[(0, MaskedEq(thread), thread)]])?;
    when(&mut rules, libc::SYS_kill, &[&[(0, Eq, own)]])?;
    when(&mut rules, libc::SYS_tgkill, &[&[(0, Eq, own)]])?;
    when(&mut rules, libc::SYS_prlimit64, &[&[(0, Eq, 0), (2, Eq, 0)]])?;
    // Only the name of a thread.
    when(&mut rules, libc::SYS_prctl, &[&[(0, Eq, libc::PR_SET_NAME as u64)], &[(0, Eq, libc::PR_GET_NAME as u64)]])?;
    // How a signal wakes the loop: bytes to the other end of a pair of sockets that was made before the seal.
    when(&mut rules, libc::SYS_sendto, &[&[(4, Eq, 0), (5, Eq, 0)]])?;
    let ioctls: Vec<[Condition; 1]> = IOCTLS.iter().map(|request| [(1, Eq, u64::from(*request))]).collect();
    when(&mut rules, libc::SYS_ioctl, &ioctls.iter().map(<[_; 1]>::as_slice).collect::<Vec<_>>())?;
    let fcntls: Vec<[Condition; 1]> = FCNTLS.iter().map(|command| [(1, Eq, *command as u64)]).collect();
    when(&mut rules, libc::SYS_fcntl, &fcntls.iter().map(<[_; 1]>::as_slice).collect::<Vec<_>>())?;
    // A filter sees no path. What it sees is whether the file is only read.
    for (number, index) in OPENS {
        match places {
            Places::Seen if writing => drop(rules.insert(*number, Vec::new())),
            _ => when(&mut rules, *number, &[&[(*index, MaskedEq(OPEN_WRITES as u64), 0)]])?,
        }
    }
    Ok(rules)
}

/// The calls that open a file, and which argument has the flags.
#[cfg(target_arch = "x86_64")]
const OPENS: &[(c_long, u8)] = &[(libc::SYS_openat, 2), (libc::SYS_open, 1)];
#[cfg(target_arch = "aarch64")]
const OPENS: &[(c_long, u8)] = &[(libc::SYS_openat, 2)];

/// An argument, how it is compared (in its low 32 bits, which are all that the kernel takes of these), and with what.
type Condition = (u8, SeccompCmpOp, u64);

/// Allows a call when all conditions of one of the alternatives hold.
fn when(rules: &mut Rules, number: c_long, alternatives: &[&[Condition]]) -> Result<(), seccompiler::BackendError> {
    let mut list = Vec::new();
    for conditions in alternatives {
        let all = conditions.iter().map(|(index, op, value)| {
            // Pointers are compared whole.
            let wide = matches!((number, index), (libc::SYS_sendto, 4) | (libc::SYS_prlimit64, 2) | (libc::SYS_mmap, _));
            let length = if wide { SeccompCmpArgLen::Qword } else { SeccompCmpArgLen::Dword };
            SeccompCondition::new(*index, length, op.clone(), *value)
        });
        list.push(SeccompRule::new(all.collect::<Result<Vec<_>, _>>()?)?);
    }
    rules.insert(number, list);
    Ok(())
}
