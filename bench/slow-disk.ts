import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SHIM = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
static int slow(const char *name, int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  usleep(10000);
  return real(fd);
}
int fsync(int fd) { return slow("fsync", fd); }
int fdatasync(int fd) { return slow("fdatasync", fd); }
`;

/** A library that makes every fsync of a process take 10 ms longer (LD_PRELOAD); undefined without a C compiler. */
export function slowDiskLibrary(folder: string): string | undefined {
  const source = join(folder, 'slow-fsync.c');
  const library = join(folder, 'slow-fsync.so');
  writeFileSync(source, SHIM);
  const built = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl']);
  return built.status === 0 ? library : undefined;
}
