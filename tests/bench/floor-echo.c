/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The floor of a PING: a TCP server on loopback that sends back what comes. Writes its port,
 * serves one connection, and ends with it.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(address);
	char bytes[4096];
	ssize_t n;
	int fd;

	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0
		|| listen(listener, 1) < 0
		|| getsockname(listener, (struct sockaddr *)&address, &length) < 0) {
		perror("floor-echo");
		return 1;
	}
	printf("%u\n", ntohs(address.sin_port));
	fflush(stdout);
	alarm(60);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
		if (write(fd, bytes, (size_t)n) != n)
			return 1;
	}
	return 0;
}
