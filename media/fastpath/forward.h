/* What Python and C both see: the numbers of a stream, a slot and a link, and the calls. */

typedef struct {           /* one inbound SSRC, as media.plane.StreamState */
    int64_t key;           /* its name in slots */
    uint32_t ssrc;
    int payload_type;
    int codec;             /* 1: VP8, 2: VP9, else 0: no picture ids to rewrite */
    int video;             /* a frame comes as a burst that ends with the marker bit */
    int level_id;          /* id of the audio level extension, 0: none */
    int twcc_id;           /* id of the transport-wide number, 0: none */
    int clock_rate;
    int fast;              /* nothing is waited for: packets in order are this file's */
    int64_t highest, first;      /* unwrapped sequence numbers, -1: none */
    uint64_t received, octets;
    double jitter, transit;      /* clock units */
    int has_transit;
    double last_at;              /* seconds */
    uint32_t last_timestamp;
    double level;                /* smoothed, -dBov */
    ...;
} stream_t;

typedef struct {           /* a player's transport, as media.plane.LinkState */
    int sequence;                /* next transport-wide number, 16 bits */
    double sent_at[2048];        /* by number modulo 2048 */
    int16_t sent_size[2048];       /* bytes; marked by media.feedback */
    ...;
} link_t;

typedef struct {           /* one slot of a player, as media.plane.SlotState */
    link_t *link;
    uint32_t ssrc;
    int payload_type;
    int red_type;                /* payload type of RED; 0: Opus goes out as it is */
    int64_t stream;              /* key of the stream behind it, -1: none */
    int64_t offset;              /* outbound less inbound number */
    uint32_t timestamp_offset;
    int picture_shift, tl0_shift;
    int64_t highest_in, highest_out;
    int64_t last_timestamp;      /* -1: none */
    int picture_id, tl0;         /* last sent, -1: none */
    uint64_t packets, octets;    /* sent, without retransmissions */
    double sent_at;              /* seconds, -1: never */
    int twcc_at;                 /* in the extension block, of the transport-wide number; or -1 */
    ...;
} slot_t;

typedef struct {           /* a publisher's transport, as media.plane.SourceState */
    uint64_t name;               /* what events call it */
    int arrived;                 /* transport-wide numbers since they were last taken */
    uint16_t arrived_number[512];
    double arrived_at[512];      /* seconds */
    ...;
} source_t;

typedef struct {
    int kind;                    /* 0: nothing left, 1: any datagram, 2: unprotected RTP */
    uint64_t name;               /* of the source, 0: unknown */
    uint8_t *data;
    int size;
    uint32_t ip;                 /* host order */
    int port;
    double at;                   /* when it arrived, seconds of the caller's clock */
} event_t;

typedef struct {
    uint64_t received, forwarded, dropped;
    int unfinished;              /* of the frame last forwarded, more is expected at once */
    ...;
} core_t;

core_t *core_new(int fd, uintptr_t protect, uintptr_t unprotect);
void core_free(core_t *);
int core_receive(core_t *, double now);
void core_next(core_t *, double now, event_t *);
void core_flush(core_t *);

stream_t *stream_new(void);
void stream_free(stream_t *);
void stream_follow(stream_t *, slot_t **, int count);
void stream_keep(stream_t *, int64_t extended, const uint8_t *data, int size);
int stream_kept(stream_t *, int64_t extended, uint8_t *data);
void stream_forget(stream_t *);

source_t *source_new(uint64_t name);
void source_leave(core_t *, source_t *);
void source_free(source_t *);
void source_at(core_t *, source_t *, uint32_t ip, int port);
void source_keys(source_t *, uintptr_t srtp);
int source_add(source_t *, stream_t *);
void source_remove(source_t *, stream_t *);

link_t *link_new(void);
void link_leave(core_t *, link_t *);
void link_free(link_t *);
void link_to(link_t *, uint32_t ip, int port, uintptr_t srtp);
int link_send(core_t *, link_t *, const uint8_t *data, int size);

slot_t *slot_new(link_t *, uint32_t ssrc, const uint8_t *block, int block_size, int twcc_at);
void slot_free(slot_t *);

int core_feed(core_t *, source_t *, uint8_t *data, int size, double now);
int core_pending(core_t *, int at, uint8_t *data, link_t **);
void core_drop_pending(core_t *);
