/* The fast path: RTP in order, on streams that nobody waits for a key frame of.
 *
 * A batch of datagrams is read; each such packet is unprotected in place, counted, kept for
 * retransmission, written once per slot behind which its stream is, protected, and the whole batch
 * is sent, the packets of one player as segments of one send. Everything else is handed to Python
 * in the order of arrival: it is rare, and media/room.py has the whole of the rules. What is done
 * here is done there too, the same to the byte; tests/media/test_fastpath.py compares them.
 *
 * One thread. Every length is checked against the datagram it came with.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef SOL_UDP
#define SOL_UDP 17
#endif

enum {
    BATCH = 128,        /* datagrams read at once */
    PLACE = 2048,       /* bytes for each; larger ones are cut, and then not authentic */
    LARGEST = 1500,     /* bytes of a packet that is forwarded here */
    ROOM_TO_PROTECT = 148, /* SRTP_MAX_TRAILER_LEN and a little */
    PENDING = 1024,     /* packets waiting to be sent */
    SEGMENTS = 32,      /* of one send: under 64 and under 64 KiB */
    CACHE = 512,        /* media.plane.CACHE */
    STREAMS = 16,       /* of one source */
    BUCKETS = 1024,
    HISTORY = 2048,     /* media.feedback.HISTORY */
    ARRIVED = 512,      /* media.plane.ARRIVED */
    BLOCK = 64,         /* bytes of a slot's extension block */
};

typedef int (*srtp_call)(void *, void *, int *);

typedef struct link_s {
    int sequence;
    double sent_at[HISTORY];
    int16_t sent_size[HISTORY];
    void *srtp;
    struct sockaddr_in to;
    int head, tail;     /* of its pending packets, -1: none */
} link_t;

typedef struct {
    link_t *link;
    uint32_t ssrc;
    int payload_type;
    int red_type;
    int64_t stream;
    int64_t offset;
    uint32_t timestamp_offset;
    int picture_shift, tl0_shift;
    int64_t highest_in, highest_out;
    int64_t last_timestamp;
    int picture_id, tl0;
    uint64_t packets, octets;
    double sent_at;
    int block_size;
    int twcc_at;
    uint8_t block[BLOCK];
} slot_t;

typedef struct {
    int64_t extended;
    int size, room;
    uint8_t *data;
} kept_t;

typedef struct {
    int64_t key;
    uint32_t ssrc;
    int payload_type;
    int codec;
    int video;
    int level_id;
    int twcc_id;
    int clock_rate;
    int fast;
    int64_t highest, first;
    uint64_t received, octets;
    double jitter, transit;
    int has_transit;
    double last_at;
    uint32_t last_timestamp;
    double level;
    slot_t **followers;
    int follower_count;
    kept_t kept[CACHE];
} stream_t;

typedef struct source_s {
    uint64_t name;
    int arrived;
    uint16_t arrived_number[ARRIVED];
    double arrived_at[ARRIVED];
    void *srtp;
    uint64_t at;        /* ip << 16 | port, 0: nowhere yet */
    struct source_s *next;
    stream_t *streams[STREAMS];
    int stream_count;
} source_t;

typedef struct {
    int kind;
    uint64_t name;
    uint8_t *data;
    int size;
    uint32_t ip;
    int port;
    double at;
} event_t;

typedef struct {
    uint64_t received, forwarded, dropped;
    int unfinished;
    srtp_call protect, unprotect;
    source_t *buckets[BUCKETS];
    /* in */
    uint8_t in[BATCH][PLACE];
    struct mmsghdr in_messages[BATCH];
    struct iovec in_places[BATCH];
    struct sockaddr_in in_from[BATCH];
    union {
        char bytes[CMSG_SPACE(sizeof(struct timespec))];
        struct cmsghdr align;
    } in_control[BATCH];
    int in_count, in_at;
    double behind;      /* seconds: the kernel's clock of arrivals less the caller's */
    /* out */
    uint8_t out[PENDING][LARGEST + ROOM_TO_PROTECT];
    int out_size[PENDING], out_next[PENDING];
    link_t *out_link[PENDING];
    int out_count;
    link_t *dirty[PENDING];
    int dirty_count;
    struct mmsghdr out_messages[PENDING];
    struct iovec out_places[PENDING];
    union {
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } out_control[PENDING];
    int fd;
} core_t;

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

static uint32_t get32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put16(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v) {
    put16(p, v >> 16);
    put16(p + 2, v);
}

/* ── life ─────────────────────────────────────────────────────────────────────────────── */

core_t *core_new(int fd, uintptr_t protect, uintptr_t unprotect) {
    core_t *core = calloc(1, sizeof *core);
    if (!core) return NULL;
    core->protect = (srtp_call)protect;
    core->unprotect = (srtp_call)unprotect;
    core->fd = fd;
    return core;
}

void core_free(core_t *core) { free(core); }

stream_t *stream_new(void) {
    stream_t *stream = calloc(1, sizeof *stream);
    if (!stream) return NULL;
    for (int i = 0; i < CACHE; i++) stream->kept[i].extended = -1;
    stream->highest = stream->first = -1;
    stream->last_at = -1;
    stream->level = 127;
    return stream;
}

void stream_forget(stream_t *stream) {
    for (int i = 0; i < CACHE; i++) stream->kept[i].extended = -1;
}

void stream_free(stream_t *stream) {
    for (int i = 0; i < CACHE; i++) free(stream->kept[i].data);
    free(stream->followers);
    free(stream);
}

/* Which slots the stream is forwarded to. */
void stream_follow(stream_t *stream, slot_t **slots, int count) {
    free(stream->followers);
    stream->followers = NULL;
    stream->follower_count = 0;
    if (!count) return;
    stream->followers = malloc((size_t)count * sizeof *slots);
    if (!stream->followers) return;
    memcpy(stream->followers, slots, (size_t)count * sizeof *slots);
    stream->follower_count = count;
}

void stream_keep(stream_t *stream, int64_t extended, const uint8_t *data, int size) {
    kept_t *kept = &stream->kept[extended % CACHE];
    if (kept->room < size) {
        int room = size <= 256 ? 256 : PLACE;
        uint8_t *larger = realloc(kept->data, (size_t)room);
        if (!larger) {
            kept->extended = -1;
            return;
        }
        kept->data = larger;
        kept->room = room;
    }
    memcpy(kept->data, data, (size_t)size);
    kept->size = size;
    kept->extended = extended;
}

/* Copy a kept packet (at most PLACE bytes); its size, or -1 where it is not kept (any more). */
int stream_kept(stream_t *stream, int64_t extended, uint8_t *data) {
    kept_t *kept = &stream->kept[extended % CACHE];
    if (extended < 0 || kept->extended != extended) return -1;
    if (data) memcpy(data, kept->data, (size_t)kept->size);
    return kept->size;
}

source_t *source_new(uint64_t name) {
    source_t *source = calloc(1, sizeof *source);
    if (source) source->name = name;
    return source;
}

static source_t **bucket(core_t *core, uint64_t at) {
    return &core->buckets[(at * 0x9E3779B97F4A7C15u) >> 54];
}

static void unlist(core_t *core, source_t *source) {
    if (!source->at) return;
    for (source_t **place = bucket(core, source->at); *place; place = &(*place)->next)
        if (*place == source) {
            *place = source->next;
            break;
        }
    source->at = 0;
}

/* The address a source sends from; a source found there before is found no longer. */
void source_at(core_t *core, source_t *source, uint32_t ip, int port) {
    unlist(core, source);
    uint64_t at = (uint64_t)ip << 16 | (uint16_t)port;
    source_t **place = bucket(core, at);
    for (source_t *other = *place; other; other = other->next)
        if (other->at == at) {
            unlist(core, other);
            break;
        }
    source->at = at;
    source->next = *place;
    *place = source;
}

/* Nothing is heard from the source any more. */
void source_leave(core_t *core, source_t *source) {
    unlist(core, source);
    source->srtp = NULL;
}

void source_free(source_t *source) { free(source); }

void source_keys(source_t *source, uintptr_t srtp) { source->srtp = (void *)srtp; }

int source_add(source_t *source, stream_t *stream) {
    if (source->stream_count == STREAMS) return 0;
    source->streams[source->stream_count++] = stream;
    return 1;
}

void source_remove(source_t *source, stream_t *stream) {
    for (int i = 0; i < source->stream_count; i++)
        if (source->streams[i] == stream) {
            source->streams[i] = source->streams[--source->stream_count];
            return;
        }
}

link_t *link_new(void) {
    link_t *link = calloc(1, sizeof *link);
    if (link) link->head = link->tail = -1;
    return link;
}

slot_t *slot_new(link_t *link, uint32_t ssrc, const uint8_t *block, int block_size, int twcc_at) {
    slot_t *slot = block_size <= BLOCK ? calloc(1, sizeof *slot) : NULL;
    if (!slot) return NULL;
    slot->link = link;
    slot->ssrc = ssrc;
    memcpy(slot->block, block, (size_t)block_size);
    slot->block_size = block_size;
    slot->twcc_at = twcc_at;
    slot->stream = slot->highest_in = slot->highest_out = slot->last_timestamp = -1;
    slot->picture_id = slot->tl0 = -1;
    slot->sent_at = -1;
    return slot;
}

void slot_free(slot_t *slot) { free(slot); }

void link_to(link_t *link, uint32_t ip, int port, uintptr_t srtp) {
    link->to.sin_family = AF_INET;
    link->to.sin_addr.s_addr = htonl(ip);
    link->to.sin_port = htons((uint16_t)port);
    link->srtp = (void *)srtp;
}

/* ── out ──────────────────────────────────────────────────────────────────────────────── */

static void send_each(core_t *core, const struct msghdr *message) {
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        const struct iovec *place = &message->msg_iov[i];
        if (sendto(core->fd, place->iov_base, place->iov_len, MSG_DONTWAIT, message->msg_name,
                   message->msg_namelen) < 0)
            core->dropped++;
        else
            core->forwarded++;
    }
}

/* Send what is pending, the packets of one link as few sends: equal sizes, and a smaller last one,
 * are segments of one. What the kernel does not take is dropped and counted. */
void core_flush(core_t *core) {
    int messages = 0, places = 0;
    for (int d = 0; d < core->dirty_count; d++) {
        link_t *link = core->dirty[d];
        int at = link->head;
        link->head = link->tail = -1;
        while (at >= 0) {
            struct msghdr *header = &core->out_messages[messages].msg_hdr;
            int size = core->out_size[at], segments = 0;
            memset(header, 0, sizeof *header);
            header->msg_name = &link->to;
            header->msg_namelen = sizeof link->to;
            header->msg_iov = &core->out_places[places];
            while (at >= 0 && segments < SEGMENTS && core->out_size[at] <= size) {
                core->out_places[places].iov_base = core->out[at];
                core->out_places[places].iov_len = (size_t)core->out_size[at];
                places++;
                segments++;
                int last = core->out_size[at] < size;
                at = core->out_next[at];
                if (last) break;
            }
            header->msg_iovlen = (size_t)segments;
            if (segments > 1) {
                header->msg_control = &core->out_control[messages];
                header->msg_controllen = sizeof core->out_control[messages].bytes;
                struct cmsghdr *control = CMSG_FIRSTHDR(header);
                control->cmsg_level = SOL_UDP;
                control->cmsg_type = UDP_SEGMENT;
                control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
                uint16_t segment = (uint16_t)size;
                memcpy(CMSG_DATA(control), &segment, sizeof segment);
            }
            messages++;
        }
    }
    core->dirty_count = core->out_count = core->unfinished = 0;
    for (int sent = 0; sent < messages;) {
        int n = sendmmsg(core->fd, core->out_messages + sent, (unsigned)(messages - sent), MSG_DONTWAIT);
        for (int i = 0; i < n; i++)
            core->forwarded += core->out_messages[sent + i].msg_hdr.msg_iovlen;
        if (n > 0) {
            sent += n;
            continue;
        }
        if (errno == EINTR) continue;
        const struct msghdr *refused = &core->out_messages[sent++].msg_hdr;
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
            core->dropped += refused->msg_iovlen;
        else /* a path too narrow for segments, an ICMP answer to something earlier, … */
            send_each(core, refused);
    }
}

/* What is pending goes; nothing is sent to the link any more. */
void link_leave(core_t *core, link_t *link) {
    if (link->head >= 0) core_flush(core);
    link->srtp = NULL;
}

void link_free(link_t *link) { free(link); }

/* A place for a packet of up to LARGEST bytes; what is pending is sent when there is none. */
static uint8_t *out_place(core_t *core) {
    if (core->out_count == PENDING) core_flush(core);
    return core->out[core->out_count];
}

static int out_ready(core_t *core, link_t *link, int size) {
    if (core->protect &&
        (!link->srtp || core->protect(link->srtp, core->out[core->out_count], &size) != 0)) {
        core->dropped++;
        return 0;
    }
    int at = core->out_count++;
    core->out_size[at] = size;
    core->out_next[at] = -1;
    core->out_link[at] = link;
    if (link->tail < 0) {
        link->head = at;
        core->dirty[core->dirty_count++] = link;
    } else {
        core->out_next[link->tail] = at;
    }
    link->tail = at;
    return 1;
}

/* Protect a packet that Python made, and send it with the others, in their order. */
int link_send(core_t *core, link_t *link, const uint8_t *data, int size) {
    if (size > LARGEST) return 0;
    memcpy(out_place(core), data, (size_t)size);
    return out_ready(core, link, size);
}

/* ── one packet ───────────────────────────────────────────────────────────────────────── */

typedef struct {
    const uint8_t *data, *payload;
    int size, payload_size;
    int picture_id, picture_bits, picture_at; /* offset into the payload */
    int tl0, tl0_at;
} packet_t;

/* RFC 7741, 4.2 and RFC 9628, 4.2: picture id and TL0PICIDX, as media.codecs reads them. */
static void read_picture(packet_t *p, int codec) {
    p->picture_id = -1, p->picture_bits = 0, p->tl0 = -1;
    if (!codec) return;
    const uint8_t *d = p->payload;
    int end = p->payload_size, at = 1, flags = d[0];
    if (codec == 1) {
        if (!(d[0] & 0x80) || at >= end) return;
        flags = d[at++];
    }
    if (flags & 0x80) {
        if (at >= end) return;
        if (!(d[at] & 0x80)) {
            p->picture_id = d[at], p->picture_bits = 7, p->picture_at = at, at += 1;
        } else if (at + 1 < end) {
            p->picture_id = (d[at] & 0x7F) << 8 | d[at + 1];
            p->picture_bits = 15, p->picture_at = at, at += 2;
        } else {
            at = end;
        }
    }
    if (codec == 1) {
        if (flags & 0x40 && at < end) p->tl0 = d[at], p->tl0_at = at;
    } else if (flags & 0x20 && at < end) {
        at++; /* layer indices */
        if (!(flags & 0x10) && at < end) p->tl0 = d[at], p->tl0_at = at;
    }
}

/* The audio level of RFC 6464 and the transport-wide number, in one-byte extensions (RFC 8285,
 * 4.2); 0 where Python must look. -1: not there. */
static int read_extensions(const uint8_t *d, int size, int profile, const stream_t *stream,
                           int *level, int *number) {
    if (profile != 0xBEDE) return profile == 0;
    for (int at = 0; at < size;) {
        int byte = d[at++];
        if (!byte) continue;
        int id = byte >> 4, length = (byte & 15) + 1;
        if (id == 15) break;
        if (at + length > size) return 0;
        if (id && id == stream->level_id && *level < 0) *level = d[at] & 127;
        if (id && id == stream->twcc_id && *number < 0 && length == 2) *number = get16(d + at);
        at += length;
    }
    return 1;
}

/* What came under which transport-wide number; the oldest stay when nobody takes them. */
static void arrive(source_t *source, int number, double now) {
    if (source->arrived == ARRIVED) return;
    source->arrived_number[source->arrived] = (uint16_t)number;
    source->arrived_at[source->arrived++] = now;
}

/* RFC 2198: what stands before an Opus packet in RED, the packet before it included where that is
 * kept and fits; its size. */
static int write_red(uint8_t *out, const slot_t *slot, const stream_t *stream, int payload_size,
                     uint32_t timestamp) {
    const kept_t *before = &stream->kept[(stream->highest - 1) % CACHE];
    if (before->extended == stream->highest - 1) {
        const uint8_t *d = before->data;
        uint32_t apart = timestamp - get32(d + 4);
        int start = 12 + 4 * (d[0] & 15), end = before->size;
        if (d[0] & 0x10 && start + 4 <= end) start += 4 + 4 * get16(d + start + 2);
        if (d[0] & 0x20 && start < end) end -= d[end - 1];
        int length = end - start;
        if (length > 0 && length < 1024 && apart && apart < 16384 &&
            12 + BLOCK + 5 + length + payload_size <= LARGEST) {
            put32(out, (uint32_t)(0x80 | slot->payload_type) << 24 | apart << 10 | (uint32_t)length);
            out[4] = (uint8_t)slot->payload_type;
            memcpy(out + 5, d + start, (size_t)length);
            return 5 + length;
        }
    }
    out[0] = (uint8_t)slot->payload_type;
    return 1;
}

static void forward(core_t *core, slot_t *slot, const stream_t *stream, const packet_t *p,
                    uint32_t timestamp, double now) {
    uint8_t *out = out_place(core);
    int head = 12 + slot->block_size;
    if (head + 1 + p->payload_size > LARGEST) {
        core->dropped++;
        return;
    }
    int64_t number = stream->highest + slot->offset;
    uint32_t stamp = timestamp + slot->timestamp_offset;
    out[0] = slot->block_size ? 0x90 : 0x80;
    out[1] = (uint8_t)((p->data[1] & 0x80) | (slot->red_type ? slot->red_type : slot->payload_type));
    put16(out + 2, (uint32_t)number);
    put32(out + 4, stamp);
    put32(out + 8, slot->ssrc);
    memcpy(out + 12, slot->block, (size_t)slot->block_size);
    if (slot->red_type) head += write_red(out + head, slot, stream, p->payload_size, timestamp);
    memcpy(out + head, p->payload, (size_t)p->payload_size);
    if (p->picture_bits) {
        int mask = (1 << p->picture_bits) - 1;
        int shifted = (p->picture_id + slot->picture_shift) & mask;
        if (slot->picture_shift) {
            uint8_t *at = out + head + p->picture_at;
            if (p->picture_bits == 15)
                put16(at, (uint32_t)shifted | 0x8000);
            else
                *at = (uint8_t)shifted;
        }
        slot->picture_id = shifted;
    }
    if (p->tl0 >= 0) {
        slot->tl0 = (p->tl0 + slot->tl0_shift) & 0xFF;
        if (slot->tl0_shift) out[head + p->tl0_at] = (uint8_t)slot->tl0;
    }
    int size = head + p->payload_size;
    if (slot->twcc_at >= 0) {
        link_t *link = slot->link;
        put16(out + 12 + slot->twcc_at, (uint32_t)link->sequence);
        link->sent_at[link->sequence % HISTORY] = now;
        link->sent_size[link->sequence % HISTORY] = (int16_t)size;
        link->sequence = (link->sequence + 1) & 0xFFFF;
    }
    slot->highest_in = stream->highest;
    slot->highest_out = number;
    slot->last_timestamp = stamp;
    slot->packets++;
    slot->octets += (uint64_t)p->payload_size;
    slot->sent_at = now;
    out_ready(core, slot->link, size);
}

/* Whether a key frame begins here, as media.codecs reads it: its size is for Python to read. */
static int begins_key(const uint8_t *d, int size, int codec) {
    if (codec == 2) return (d[0] & 0x48) == 0x08;
    if (codec != 1 || (d[0] & 0x17) != 0x10) return 0;
    int at = 1;
    if (d[0] & 0x80) {
        if (at >= size) return 0;
        int flags = d[at++];
        if (flags & 0x80) at += at < size && d[at] & 0x80 ? 2 : 1;
        at += !!(flags & 0x40) + !!(flags & 0x30);
    }
    return at < size && !(d[at] & 1);
}

/* Take an unprotected packet, if it is an ordinary one: 1. Else nothing is touched: 0. */
static int take(core_t *core, source_t *source, uint8_t *data, int size, double now) {
    if (size < 12 || size > LARGEST || (data[0] & 0xE0) != 0x80) return 0; /* or it is padded */
    uint32_t ssrc = get32(data + 8);
    stream_t *stream = NULL;
    for (int i = 0; i < source->stream_count; i++)
        if (source->streams[i]->ssrc == ssrc) stream = source->streams[i];
    if (!stream || !stream->fast || (data[1] & 0x7F) != stream->payload_type) return 0;
    if (get16(data + 2) != (uint16_t)(stream->highest + 1)) return 0;
    int start = 12 + 4 * (data[0] & 15), profile = 0, extensions = start;
    if (data[0] & 0x10) {
        if (start + 4 > size) return 0;
        profile = get16(data + start);
        extensions = start + 4;
        start = extensions + 4 * get16(data + start + 2);
    }
    if (start >= size) return 0;
    if (begins_key(data + start, size - start, stream->codec)) return 0;
    int level = -1, number = -1;
    if ((stream->level_id || stream->twcc_id) &&
        !read_extensions(data + extensions, start - extensions, profile, stream, &level, &number))
        return 0;
    packet_t packet = {.data = data, .payload = data + start, .size = size,
                       .payload_size = size - start};
    read_picture(&packet, stream->codec);

    uint32_t timestamp = get32(data + 4);
    stream->highest++;
    stream->received++;
    stream->octets += (uint64_t)size;
    stream->last_timestamp = timestamp;
    double transit = now * stream->clock_rate - timestamp;
    if (stream->has_transit) {
        double change = fabs(transit - stream->transit);
        if (change < stream->clock_rate) stream->jitter += (change - stream->jitter) / 16;
    }
    stream->transit = transit;
    stream->has_transit = 1;
    stream->last_at = now;
    if (number >= 0) arrive(source, number, now);
    if (level >= 0) stream->level += (level - stream->level) / 16;
    stream_keep(stream, stream->highest, data, size);
    for (int i = 0; i < stream->follower_count; i++)
        if (stream->followers[i]->stream == stream->key)
            forward(core, stream->followers[i], stream, &packet, timestamp, now);
    if (stream->video) core->unfinished = !(data[1] & 0x80);
    return 1;
}

/* ── in ───────────────────────────────────────────────────────────────────────────────── */

/* Read a batch without waiting; how many datagrams, 0 for none. Then call core_next until 0. */
int core_receive(core_t *core, double now) {
    for (int i = 0; i < BATCH; i++) {
        core->in_places[i].iov_base = core->in[i];
        core->in_places[i].iov_len = PLACE;
        struct msghdr *header = &core->in_messages[i].msg_hdr;
        header->msg_iov = &core->in_places[i];
        header->msg_iovlen = 1;
        header->msg_name = &core->in_from[i];
        header->msg_namelen = sizeof core->in_from[i];
        header->msg_control = &core->in_control[i];
        header->msg_controllen = sizeof core->in_control[i].bytes;
    }
    int n;
    do
        n = recvmmsg(core->fd, core->in_messages, BATCH, MSG_DONTWAIT, NULL);
    while (n < 0 && (errno == EINTR || errno == ECONNREFUSED || errno == EHOSTUNREACH ||
                     errno == ENETUNREACH)); /* an ICMP answer to something sent before */
    core->in_at = 0;
    core->in_count = n > 0 ? n : 0;
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    core->behind = (double)wall.tv_sec - now + (double)wall.tv_nsec * 1e-9;
    return core->in_count;
}

/* When a datagram of the batch arrived, by the caller's clock: the kernel's stamp where it has one
 * that can be true (SO_TIMESTAMPNS), so that a busy machine is not taken for a slow line. */
static double arrival(const core_t *core, const struct msghdr *header, double now) {
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPNS)
        return now;
    struct timespec stamp;
    memcpy(&stamp, CMSG_DATA(control), sizeof stamp);
    double at = (double)stamp.tv_sec - core->behind + (double)stamp.tv_nsec * 1e-9;
    return at > now - 1 && at < now ? at : now;
}

/* Go on through the batch, up to the next datagram that is for Python. */
void core_next(core_t *core, double now, event_t *event) {
    while (core->in_at < core->in_count) {
        int i = core->in_at++;
        uint8_t *data = core->in[i];
        int size = (int)core->in_messages[i].msg_len;
        uint32_t ip = ntohl(core->in_from[i].sin_addr.s_addr);
        int port = ntohs(core->in_from[i].sin_port);
        if (size < 2) continue;
        double when = arrival(core, &core->in_messages[i].msg_hdr, now);
        uint64_t at = (uint64_t)ip << 16 | (uint16_t)port;
        source_t *source = *bucket(core, at);
        while (source && source->at != at) source = source->next;
        event->kind = 1;
        if (source && source->srtp && data[0] >= 128 && data[0] <= 191 &&
            (data[1] < 192 || data[1] > 223)) {
            if (core->unprotect(source->srtp, data, &size) != 0) continue; /* forged or replayed */
            core->received++;
            if (take(core, source, data, size, when)) continue;
            event->kind = 2;
        }
        event->name = source ? source->name : 0;
        event->data = data;
        event->size = size;
        event->ip = ip;
        event->port = port;
        event->at = when;
        return;
    }
    event->kind = 0;
}

/* ── for tests: the same without sockets ──────────────────────────────────────────────── */

int core_feed(core_t *core, source_t *source, uint8_t *data, int size, double now) {
    return take(core, source, data, size, now);
}

/* The packet pending at place `at`, in the order of arrival; its size, -1 past the last. */
int core_pending(core_t *core, int at, uint8_t *data, link_t **link) {
    if (at >= core->out_count) return -1;
    memcpy(data, core->out[at], (size_t)core->out_size[at]);
    *link = core->out_link[at];
    return core->out_size[at];
}

void core_drop_pending(core_t *core) {
    for (int i = 0; i < core->dirty_count; i++)
        core->dirty[i]->head = core->dirty[i]->tail = -1;
    core->dirty_count = core->out_count = 0;
}
