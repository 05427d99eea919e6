// Tells its clocks when asked: for each byte of input one line of nanoseconds, by
// clock_gettime (real, coarse, atomic), gettimeofday, time, and what no fault may touch, by
// clock_gettime (monotonic, boot time). With an argument, that many threads read the wall
// clock as fast as they can until the input ends, and the line says how often, how often it
// was off by that many seconds (the second argument), and how often by anything else.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define BILLION 1000000000LL

static long long told(clockid_t id) {
	struct timespec t;
	if (clock_gettime(id, &t) != 0) return -1;
	return t.tv_sec * BILLION + t.tv_nsec;
}

static long long truth(void) {
	struct timespec t;
	syscall(SYS_clock_gettime, CLOCK_REALTIME, &t);
	return t.tv_sec * BILLION + t.tv_nsec;
}

static long long offset, all, off, wrong;
static volatile int over;

static void *storm(void *unused) {
	const long long slack = 1000000;
	while (!over) {
		long long before = truth(), real = told(CLOCK_REALTIME), after = truth();
		struct timeval tv;
		gettimeofday(&tv, NULL);
		long long day = tv.tv_sec * BILLION + tv.tv_usec * 1000, later = truth();
		__atomic_add_fetch(&all, 2, __ATOMIC_RELAXED);
		if (before - slack > real || real > after + slack) {
			if (before - slack > real - offset || real - offset > after + slack) __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
			else __atomic_add_fetch(&off, 1, __ATOMIC_RELAXED);
		}
		if (after - slack > day || day > later + slack) {
			if (after - slack > day - offset || day - offset > later + slack) __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
			else __atomic_add_fetch(&off, 1, __ATOMIC_RELAXED);
		}
	}
	return unused;
}

int main(int argc, char **argv) {
	if (argc == 3) {
		pthread_t threads[64];
		int n = atoi(argv[1]);
		offset = atoll(argv[2]) * BILLION;
		for (int i = 0; i < n; i++) pthread_create(&threads[i], NULL, storm, NULL);
		printf("ready\n");
		fflush(stdout);
		while (getchar() != EOF) {}
		over = 1;
		for (int i = 0; i < n; i++) pthread_join(threads[i], NULL);
		printf("%lld %lld %lld\n", all, off, wrong);
		return 0;
	}
	while (getchar() != EOF) {
		struct timeval tv;
		struct timezone tz;
		struct timex adjusted = {0};
		adjtimex(&adjusted); // tells by how much CLOCK_TAI is ahead on this machine
		gettimeofday(&tv, &tz);
		printf("%lld %lld %lld %lld %lld %lld %lld\n", told(CLOCK_REALTIME), told(CLOCK_REALTIME_COARSE), told(CLOCK_TAI) - adjusted.tai * BILLION,
			tv.tv_sec * BILLION + tv.tv_usec * 1000, time(NULL) * BILLION, told(CLOCK_MONOTONIC), told(CLOCK_BOOTTIME));
		fflush(stdout);
	}
	return 0;
}
