/* Driver of a zeroskip array: bare metal, C99, no allocation, no library. The only headers are the compiler's own, <stdint.h> and
 * <stddef.h>.
 *
 * The caller gives the address of the register port and a transport for the two streams; the design's own header, zeroskip_design.h,
 * gives sizes, images and expected cycles. A first inference, with an AXI4-Stream FIFO (zeroskip_fifo.h) on the streams:
 *
 *     zeroskip_fifo fifo = { 0x43C10000u, 512u, 1000000u };
 *     zeroskip_device device = { 0x43C00000u, 1000000u, { zeroskip_fifo_transfer, &fifo } };
 *     uint8_t answer[ZEROSKIP_DESIGN_OUTPUTS];
 *     if (zeroskip_stop(&device) == ZEROSKIP_OK && zeroskip_load(&device, &zeroskip_design) == ZEROSKIP_OK &&
 *         zeroskip_start(&device) == ZEROSKIP_OK)
 *         zeroskip_run(&device, &zeroskip_design, 1u, sample, answer);
 *
 * Every function returns a zeroskip_status and changes nothing of the caller's where it is not ZEROSKIP_OK, unless it says so. No function
 * waits without end: each polls a register at most `polls` times. None is re-entrant for one device; two devices do not know each other.
 */
#ifndef ZEROSKIP_H
#define ZEROSKIP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- register access ------------------------------------------------------------------------------------------------------------------
 * By default through volatile pointers. An operating system or a simulation defines ZEROSKIP_ACCESS_HEADER as the name of a header, quotes
 * included, that has functions or macros of its own in place of these two.
 */
#ifdef ZEROSKIP_ACCESS_HEADER
#include ZEROSKIP_ACCESS_HEADER
#else
static inline uint32_t zeroskip_read32(uintptr_t address)
{
    return *(const volatile uint32_t *)address;
}

static inline void zeroskip_write32(uintptr_t address, uint32_t value)
{
    *(volatile uint32_t *)address = value;
}
#endif

/* --- what a function answers ---------------------------------------------------------------------------------------------------------- */

typedef enum zeroskip_status {
    ZEROSKIP_OK = 0,
    ZEROSKIP_ARGUMENT,  /* an argument breaks its rule; nothing was done */
    ZEROSKIP_ABSENT,    /* ID does not read as that of a zeroskip array: wrong address, no clock, or in reset */
    ZEROSKIP_VERSION,   /* the array's version is not one that this driver knows */
    ZEROSKIP_CONFIG,    /* CONFIG_ID differs: the images were made for another array */
    ZEROSKIP_RUNNING,   /* the array runs; stop it first */
    ZEROSKIP_STOPPED,   /* the array does not run; start it first */
    ZEROSKIP_CRC,       /* the images are not what their CRC says, in memory or as they arrived; the array does not start */
    ZEROSKIP_WATCHDOG,  /* the run would not come to its end: damaged images; stop, load, start */
    ZEROSKIP_STREAM,    /* a packet on a stream had another length than it must have */
    ZEROSKIP_TIMEOUT    /* something did not come within `polls` looks */
} zeroskip_status;

/* A few words for a log. Never a null pointer. */
const char *zeroskip_status_text(zeroskip_status status);

/* --- a design: made by zeroskip, in zeroskip_design.h ----------------------------------------------------------------------------------- */

/* One memory: `words` words of `parts` 32-bit values each, word w at `address` + w * `stride` bytes from the register port's base. */
typedef struct zeroskip_image {
    const char *name;
    uint32_t address;
    uint32_t stride;
    uint32_t parts;
    uint32_t words;
    const uint32_t *values; /* words * parts of them, the lowest part of a word first */
} zeroskip_image;

/* real = scale * (integer - zero_point); the integer is one byte, from `low` to `high` */
typedef struct zeroskip_format {
    double scale;
    int32_t zero_point;
    int32_t low;
    int32_t high;
} zeroskip_format;

typedef struct zeroskip_layer {
    const char *name;
    uint32_t cycles; /* predicted; LAYER_CYCLES counts exactly so many */
} zeroskip_layer;

typedef struct zeroskip_network {
    uint32_t config_id;
    uint32_t crc;          /* CRC-32 of all image values in the order of loading */
    uint32_t inputs;       /* bytes of one sample on the input stream */
    uint32_t outputs;      /* bytes of one sample on the output stream */
    uint32_t group;        /* samples that are computed side by side; results come when so many have been sent */
    uint32_t stream_bytes; /* width of both streams */
    uint32_t latency;      /* predicted cycles of one group */
    uint32_t interval;     /* predicted cycles from one group to the next */
    uint32_t layer_limit;  /* the longest layer, in cycles */
    uint32_t layer_count;
    uint32_t image_count;
    const zeroskip_layer *layers;
    const zeroskip_image *images;
    zeroskip_format input;
    zeroskip_format output;
} zeroskip_network;

/* --- a device --------------------------------------------------------------------------------------------------------------------------- */

/* Sends `samples` packets of `inputs` bytes, TLAST with the last beat of each, and receives as many packets of `outputs` bytes. Both sides
 * must go on at once: the array takes no more than a few samples before somebody takes its results. `context` is the caller's.
 * Returns ZEROSKIP_OK, ZEROSKIP_STREAM or ZEROSKIP_TIMEOUT.
 */
typedef zeroskip_status (*zeroskip_transfer)(void *context, uint32_t samples, const uint8_t *input, uint32_t inputs, uint8_t *output,
                                             uint32_t outputs);

typedef struct zeroskip_streams {
    zeroskip_transfer transfer;
    void *context;
} zeroskip_streams;

typedef struct zeroskip_device {
    uintptr_t base;           /* address of the register port */
    uint32_t polls;           /* how often a register is read while waiting, at least 1 */
    zeroskip_streams streams; /* for zeroskip_run alone; transfer may be null without it */
} zeroskip_device;

typedef struct zeroskip_identity {
    uint32_t version; /* major in the upper half */
    uint32_t config_id;
    uint8_t lanes;
    uint8_t columns;
    uint8_t word;
    uint8_t weight_bits;
} zeroskip_identity;

typedef struct zeroskip_counters {
    uint32_t latency;  /* cycles of the first group since the start */
    uint32_t interval; /* cycles between the latest two groups' last output beats; 0 before the second */
    uint32_t groups;   /* groups delivered since the start */
} zeroskip_counters;

/* Who is there. ABSENT or VERSION where it is not an array that this driver knows. */
zeroskip_status zeroskip_identify(const zeroskip_device *device, zeroskip_identity *identity);

/* Whether `network` was made for this array: CONFIG where not; else as zeroskip_identify. */
zeroskip_status zeroskip_check(const zeroskip_device *device, const zeroskip_network *network);

/* Whether the images in the host's memory are whole: CRC where not. Does not touch the device. */
zeroskip_status zeroskip_check_images(const zeroskip_network *network);

/* Holds the array in reset: samples on their way are lost, counters are cleared, memories stay. TIMEOUT where RUNNING stays. */
zeroskip_status zeroskip_stop(const zeroskip_device *device);

/* Writes all images into a stopped array, and LAYER_LIMIT. RUNNING where the array is not stopped; CRC where the hardware's CRC of what
 * arrived is not the design's, and then zeroskip_start will answer CRC too until a whole image has been loaded.
 */
zeroskip_status zeroskip_load(const zeroskip_device *device, const zeroskip_network *network);

/* Clears all error flags, starts the array and waits until it is READY. CRC where the hardware refuses its images; WATCHDOG where they are
 * no program; TIMEOUT where READY does not come. An array that runs already is left running.
 */
zeroskip_status zeroskip_start(const zeroskip_device *device);

/* New masks and weights for the same array: checks the images first, while the array still runs as it did, then stops, loads and starts.
 * After ABSENT, VERSION, CONFIG, or CRC from this first check, nothing has changed.
 */
zeroskip_status zeroskip_reload(const zeroskip_device *device, const zeroskip_network *network);

/* Sends `samples` samples (input: samples * network->inputs bytes) and receives their results (output: samples * network->outputs bytes).
 * `samples` must be a multiple of network->group, else ARGUMENT: fill up with any samples and drop their results. STOPPED where the array
 * does not run; STREAM where it refused a packet's length; else what the transport answers. `output` is undefined where it is not OK.
 */
zeroskip_status zeroskip_run(const zeroskip_device *device, const zeroskip_network *network, uint32_t samples, const uint8_t *input,
                             uint8_t *output);

zeroskip_status zeroskip_read_counters(const zeroskip_device *device, zeroskip_counters *counters);

/* Cycles of one layer in the latest group. ARGUMENT where the design has no such layer. */
zeroskip_status zeroskip_read_layer_cycles(const zeroskip_device *device, const zeroskip_network *network, uint32_t layer, uint32_t *cycles);

/* The error flags, ZEROSKIP__ERROR__..._bm of zeroskip_registers.h. They stay until they are cleared. */
zeroskip_status zeroskip_read_errors(const zeroskip_device *device, uint32_t *errors);

/* Clears the flags that are set in `errors`. */
zeroskip_status zeroskip_clear_errors(const zeroskip_device *device, uint32_t errors);

/* --- small helpers ---------------------------------------------------------------------------------------------------------------------- */

/* CRC-32 (as zlib's) over `count` values, each as four bytes, the least significant first. Begin with crc = 0, go on with the result. */
uint32_t zeroskip_crc32(uint32_t crc, const uint32_t *values, uint32_t count);

/* A real number to the byte of a stream: rounded half to even, saturated. Not for NaN. */
uint8_t zeroskip_quantize(const zeroskip_format *format, double value);

/* The byte of a stream to a real number. */
double zeroskip_dequantize(const zeroskip_format *format, uint8_t byte);

/* The number of the largest of `count` outputs; the first where several are equal. */
uint32_t zeroskip_largest(const zeroskip_format *format, const uint8_t *bytes, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif
