/* Loaded before the C library (LD_PRELOAD), it takes the network from a process and its children:
 * nothing beyond this machine can be found or reached. Each name and address that they want is a
 * line of the file WANTED. It sees what native code does on its own threads, too. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void record(const char *wanted)
{
    char line[512];
    int length = snprintf(line, sizeof line, "%.500s\n", wanted);
    const char *path = getenv("WANTED");
    int file = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;
    if (file < 0 || write(file, line, length) != length)
        abort();
    close(file);
}

static int is_here(const char *host)
{
    return !host || !strncmp(host, "127.", 4) || !strncmp(host, "::ffff:127.", 11) ||
           !strcmp(host, "::1") || !strcmp(host, "localhost");
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    if (is_here(name))
        return REAL(getaddrinfo)(name, service, hints, found);
    record(name);
    return EAI_AGAIN;
}

struct hostent *gethostbyname(const char *name)
{
    record(name);
    h_errno = TRY_AGAIN;
    return NULL;
}

struct hostent *gethostbyname2(const char *name, int family)
{
    (void)family;
    return gethostbyname(name);
}

int gethostbyname_r(const char *name, struct hostent *host, char *buffer, size_t size,
                    struct hostent **found, int *error)
{
    (void)host, (void)buffer, (void)size;
    record(name);
    *found = NULL;
    *error = TRY_AGAIN;
    return EAGAIN;
}

int res_query(const char *name, int class, int type, unsigned char *answer, int size)
{
    (void)class, (void)type, (void)answer, (void)size;
    record(name);
    h_errno = TRY_AGAIN;
    return -1;
}

int res_search(const char *name, int class, int type, unsigned char *answer, int size)
{
    return res_query(name, class, type, answer, size);
}

/* Whether an address is of another machine; then it is recorded, and errno says why it fails. */
static int is_elsewhere(const void *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    const struct sockaddr *any = address;
    if (any && any->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text, sizeof text);
    else if (any && any->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text, sizeof text);
    else
        return 0;
    if (is_here(text))
        return 0;
    record(text);
    errno = ENETUNREACH;
    return 1;
}

int connect(int socket, const struct sockaddr *address, socklen_t size)
{
    return is_elsewhere(address) ? -1 : REAL(connect)(socket, address, size);
}

ssize_t sendto(int socket, const void *data, size_t length, int flags,
               const struct sockaddr *address, socklen_t size)
{
    return is_elsewhere(address) ? -1 : REAL(sendto)(socket, data, length, flags, address, size);
}

ssize_t sendmsg(int socket, const struct msghdr *message, int flags)
{
    return is_elsewhere(message->msg_name) ? -1 : REAL(sendmsg)(socket, message, flags);
}

int sendmmsg(int socket, struct mmsghdr *messages, unsigned count, int flags)
{
    for (unsigned index = 0; index < count; index++)
        if (is_elsewhere(messages[index].msg_hdr.msg_name))
            return -1;
    return REAL(sendmmsg)(socket, messages, count, flags);
}
