/* switch DELAY_US INTERFACE...: an Ethernet switch that learns who is where and delivers each frame DELAY_US after it
 * came in; for netns-cluster.sh, on kernels that cannot delay frames themselves. Prints "ready" and runs until it is
 * killed.
 *
 * The delay is the same for all frames, so the queue is in the order of their times. The scheduler is asked to run us
 * at once; what we add is some 45 us. Frames carry a virtio_net_hdr: the kernel may leave checksums and segments
 * undone. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum { PORTS_MAX = 64, HOSTS_MAX = 1024, FRAME_MAX = 65536 + 256, BURST = 64, NOWHERE = -1 };
static const size_t QUEUE_BYTES_MAX = 256U << 20;
static const int RECEIVE_BUFFER_BYTES = 32 << 20;

typedef struct frame {
    struct frame *next;
    uint64_t due_ns;
    size_t length;
    int from; /* port */
    unsigned char bytes[];
} frame;

typedef struct network {
    int ports[PORTS_MAX]; /* sockets */
    int port_count;
    struct {
        unsigned char address[ETH_ALEN];
        int port;
    } hosts[HOSTS_MAX];
    int host_count;
    frame *first, **end; /* the queue */
    size_t queued_bytes;
    uint64_t delay_ns;
} network;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

/* ---- who is where ---- */

static int find_host(const network *net, const unsigned char *address) {
    for (int i = 0; i < net->host_count; i++)
        if (memcmp(net->hosts[i].address, address, ETH_ALEN) == 0)
            return i;
    return NOWHERE;
}

static bool is_group(const unsigned char *address) {
    return (address[0] & 1) != 0;
}

static void learn(network *net, const unsigned char *source, int port) {
    int host = find_host(net, source);
    if (host == NOWHERE && net->host_count < HOSTS_MAX && !is_group(source)) {
        host = net->host_count++;
        memcpy(net->hosts[host].address, source, ETH_ALEN);
    }
    if (host != NOWHERE)
        net->hosts[host].port = port;
}

/* ---- frames out ---- */

/* A frame that the other side takes no more of is lost, as on a wire. */
static void send_frame(const network *net, const frame *out, int port) {
    for (int tries = 0; tries < 4; tries++) {
        if (send(net->ports[port], out->bytes, out->length, MSG_DONTWAIT) >= 0)
            return;
        if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR && errno != ENETDOWN)
            return;
    }
}

static void deliver(const network *net, const frame *out) {
    const unsigned char *destination = out->bytes + sizeof(struct virtio_net_hdr);
    int host = is_group(destination) ? NOWHERE : find_host(net, destination);
    for (int port = 0; port < net->port_count; port++)
        if (port != out->from && (host == NOWHERE || net->hosts[host].port == port))
            send_frame(net, out, port);
}

static void deliver_what_is_due(network *net) {
    uint64_t now = now_ns();
    while (net->first != NULL && net->first->due_ns <= now) {
        frame *out = net->first;
        net->first = out->next;
        if (net->first == NULL)
            net->end = &net->first;
        net->queued_bytes -= out->length;
        deliver(net, out);
        free(out);
    }
}

/* ---- frames in ---- */

static void enqueue(network *net, const unsigned char *bytes, size_t length, int port) {
    frame *in = net->queued_bytes + length <= QUEUE_BYTES_MAX ? malloc(sizeof *in + length) : NULL;
    if (in == NULL)
        return;
    *in = (frame){.next = NULL, .due_ns = now_ns() + net->delay_ns, .length = length, .from = port};
    memcpy(in->bytes, bytes, length);
    *net->end = in;
    net->end = &in->next;
    net->queued_bytes += length;
}

static void receive(network *net, int port) {
    static unsigned char bytes[FRAME_MAX];
    for (int i = 0; i < BURST; i++) {
        ssize_t length = recv(net->ports[port], bytes, sizeof bytes, MSG_DONTWAIT);
        if (length < 0)
            return; /* no more, or the cable is out */
        if ((size_t)length < sizeof(struct virtio_net_hdr) + ETH_HLEN)
            continue;
        learn(net, bytes + sizeof(struct virtio_net_hdr) + ETH_ALEN, port);
        enqueue(net, bytes, (size_t)length, port);
    }
}

/* ---- ports ---- */

static int open_port(const char *interface) {
    int yes = 1, port = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(interface)};
    struct packet_mreq all = {.mr_ifindex = address.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
    if (port < 0 || address.sll_ifindex == 0 || setsockopt(port, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof yes) != 0 ||
        setsockopt(port, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes) != 0 ||
        bind(port, (struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(port, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0)
        die(interface);
    setsockopt(port, SOL_SOCKET, SO_RCVBUFFORCE, &RECEIVE_BUFFER_BYTES, sizeof RECEIVE_BUFFER_BYTES);
    return port;
}

static void watch(int poller, int fd, int number) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = number};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl");
}

static void run_soon(void) {
    struct sched_param urgent = {.sched_priority = 10};
    if (sched_setscheduler(0, SCHED_FIFO, &urgent) != 0)
        setpriority(PRIO_PROCESS, 0, -20);
}

static void set_timer(const network *net, int timer) {
    struct itimerspec when = {.it_value = {0, 0}};
    if (net->first != NULL) {
        when.it_value.tv_sec = (time_t)(net->first->due_ns / 1000000000U);
        when.it_value.tv_nsec = (long)(net->first->due_ns % 1000000000U);
    }
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void serve(network *net, int poller, int timer) {
    struct epoll_event events[PORTS_MAX + 1];
    for (;;) {
        int count = epoll_wait(poller, events, PORTS_MAX + 1, -1);
        for (int i = 0; i < count; i++)
            if (events[i].data.fd < net->port_count)
                receive(net, events[i].data.fd);
        deliver_what_is_due(net);
        set_timer(net, timer); /* which takes back that it has rung */
    }
}

int main(int argc, char **argv) {
    static network net;
    if (argc < 3 || argc - 2 > PORTS_MAX)
        return 2;
    net.delay_ns = strtoull(argv[1], NULL, 10) * 1000U;
    net.end = &net.first;
    int poller = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    watch(poller, timer, PORTS_MAX);
    for (; net.port_count < argc - 2; net.port_count++) {
        net.ports[net.port_count] = open_port(argv[net.port_count + 2]);
        watch(poller, net.ports[net.port_count], net.port_count);
    }
    run_soon();
    printf("ready\n");
    fflush(stdout);
    serve(&net, poller, timer);
}
