// Waits for times of the wall clock, in threads of its own: each line is a letter and how many
// milliseconds of monotonic time passed while it waited for "now, and half a second": c by a
// condition, s by a semaphore, n by sleep, and m, which no clock may touch, for
// half a second of monotonic time.
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void wait_by(char how) {
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	sem_t sem;
	struct timespec from, until, to;
	sem_init(&sem, 0, 0);
	clock_gettime(CLOCK_MONOTONIC, &from);
	clock_gettime(how == 'm' ? CLOCK_MONOTONIC : CLOCK_REALTIME, &until);
	until.tv_nsec += 500000000;
	if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
	switch (how) {
	case 'c':
		pthread_mutex_lock(&mutex);
		while (pthread_cond_timedwait(&cond, &mutex, &until) == 0) {}
		break;
	case 's':
		sem_timedwait(&sem, &until);
		break;
	case 'n':
		clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL);
		break;
	case 'm':
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		break;
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%c %lld\n", how, (to.tv_sec - from.tv_sec) * 1000LL + (to.tv_nsec - from.tv_nsec) / 1000000);
	fflush(stdout);
}

static void *waits(void *how) {
	for (;;) wait_by(*(char *)how);
	return NULL;
}

int main(void) {
	pthread_t thread;
	for (char *how = "csnm"; *how; how++) pthread_create(&thread, NULL, waits, how);
	while (getchar() != EOF) {}
	return 0;
}
