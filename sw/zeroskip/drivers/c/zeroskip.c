/* Driver of a zeroskip array; zeroskip.h says what each function does. */

#include "zeroskip.h"

#include <stddef.h> /* offsetof; the compiler's own, as <stdint.h> is */

#include "zeroskip_registers.h"

#define AT(name) ((uint32_t)offsetof(zeroskip_t, name))
#define KNOWN_VERSION ((uint32_t)ZEROSKIP__VERSION__MAJOR_reset << 16 | ZEROSKIP__VERSION__MINOR_reset)
#define ALL_FLAGS 0xFFFFFFFFu
#define LOOKS 16u /* at LOAD_CRC: a value enters it a few clock cycles after its write was answered */

static uint32_t read_register(const zeroskip_device *device, uint32_t offset)
{
    return zeroskip_read32(device->base + offset);
}

static void write_register(const zeroskip_device *device, uint32_t offset, uint32_t value)
{
    zeroskip_write32(device->base + offset, value);
}

const char *zeroskip_status_text(zeroskip_status status)
{
    switch (status) {
    case ZEROSKIP_OK: return "ok";
    case ZEROSKIP_ARGUMENT: return "an argument breaks its rule";
    case ZEROSKIP_ABSENT: return "no zeroskip array at this address";
    case ZEROSKIP_VERSION: return "the array has a version that this driver does not know";
    case ZEROSKIP_CONFIG: return "the images were made for another array";
    case ZEROSKIP_RUNNING: return "the array runs; stop it first";
    case ZEROSKIP_STOPPED: return "the array does not run; start it first";
    case ZEROSKIP_CRC: return "the images are damaged: their CRC-32 is not the expected one";
    case ZEROSKIP_WATCHDOG: return "the run would not come to its end; stop, load and start";
    case ZEROSKIP_STREAM: return "a packet on a stream has a wrong length";
    case ZEROSKIP_TIMEOUT: return "no answer in time";
    }
    return "unknown status";
}

zeroskip_status zeroskip_identify(const zeroskip_device *device, zeroskip_identity *identity)
{
    uint32_t version, shape;

    if (read_register(device, AT(ID)) != ZEROSKIP__ID__VALUE_reset)
        return ZEROSKIP_ABSENT;
    version = read_register(device, AT(VERSION));
    if (version >> 16 != KNOWN_VERSION >> 16 || version < KNOWN_VERSION)
        return ZEROSKIP_VERSION;
    shape = read_register(device, AT(SHAPE));
    identity->version = version;
    identity->config_id = read_register(device, AT(CONFIG_ID));
    identity->lanes = (uint8_t)(shape & 0xFFu);
    identity->columns = (uint8_t)(shape >> 8 & 0xFFu);
    identity->word = (uint8_t)(shape >> 16 & 0xFFu);
    identity->weight_bits = (uint8_t)(shape >> 24);
    return ZEROSKIP_OK;
}

zeroskip_status zeroskip_check(const zeroskip_device *device, const zeroskip_network *network)
{
    zeroskip_identity identity;
    zeroskip_status status = zeroskip_identify(device, &identity);

    if (status != ZEROSKIP_OK)
        return status;
    return identity.config_id == network->config_id ? ZEROSKIP_OK : ZEROSKIP_CONFIG;
}

zeroskip_status zeroskip_check_images(const zeroskip_network *network)
{
    uint32_t crc = 0, i;

    for (i = 0; i < network->image_count; i++)
        crc = zeroskip_crc32(crc, network->images[i].values, network->images[i].words * network->images[i].parts);
    return crc == network->crc ? ZEROSKIP_OK : ZEROSKIP_CRC;
}

zeroskip_status zeroskip_stop(const zeroskip_device *device)
{
    uint32_t left;

    write_register(device, AT(CONTROL), 0);
    for (left = device->polls; left > 0; left--)
        if (!(read_register(device, AT(STATUS)) & ZEROSKIP__STATUS__RUNNING_bm))
            return ZEROSKIP_OK;
    return ZEROSKIP_TIMEOUT;
}

zeroskip_status zeroskip_load(const zeroskip_device *device, const zeroskip_network *network)
{
    zeroskip_status status = zeroskip_check(device, network);
    uint32_t i, word, part;

    if (status != ZEROSKIP_OK)
        return status;
    if (read_register(device, AT(STATUS)) & ZEROSKIP__STATUS__RUNNING_bm)
        return ZEROSKIP_RUNNING;
    write_register(device, AT(LAYER_LIMIT), network->layer_limit);
    write_register(device, AT(EXPECTED_CRC), network->crc);
    for (i = 0; i < network->image_count; i++) {
        const zeroskip_image *image = &network->images[i];
        const uint32_t *value = image->values;

        for (word = 0; word < image->words; word++)
            for (part = 0; part < image->parts; part++)
                write_register(device, image->address + word * image->stride + 4u * part, *value++);
    }
    for (i = 0; i < LOOKS; i++)
        if (read_register(device, AT(LOAD_CRC)) == network->crc)
            return ZEROSKIP_OK;
    return ZEROSKIP_CRC;
}

zeroskip_status zeroskip_start(const zeroskip_device *device)
{
    uint32_t left, status, errors;

    write_register(device, AT(ERROR), ALL_FLAGS);
    write_register(device, AT(CONTROL), ZEROSKIP__CONTROL__RUN_bm);
    for (left = device->polls; left > 0; left--) {
        status = read_register(device, AT(STATUS));
        errors = read_register(device, AT(ERROR));
        if (errors & ZEROSKIP__ERROR__CRC_bm)
            return ZEROSKIP_CRC;
        if (errors & ZEROSKIP__ERROR__WATCHDOG_bm)
            return ZEROSKIP_WATCHDOG;
        if (status & ZEROSKIP__STATUS__READY_bm)
            return ZEROSKIP_OK;
    }
    return ZEROSKIP_TIMEOUT;
}

zeroskip_status zeroskip_reload(const zeroskip_device *device, const zeroskip_network *network)
{
    zeroskip_status status = zeroskip_check(device, network);

    if (status == ZEROSKIP_OK)
        status = zeroskip_check_images(network);
    if (status == ZEROSKIP_OK)
        status = zeroskip_stop(device);
    if (status == ZEROSKIP_OK)
        status = zeroskip_load(device, network);
    if (status == ZEROSKIP_OK)
        status = zeroskip_start(device);
    return status;
}

zeroskip_status zeroskip_run(const zeroskip_device *device, const zeroskip_network *network, uint32_t samples, const uint8_t *input,
                             uint8_t *output)
{
    zeroskip_status status;
    uint32_t errors;

    if (!device->streams.transfer || samples % network->group != 0)
        return ZEROSKIP_ARGUMENT;
    if (!(read_register(device, AT(STATUS)) & ZEROSKIP__STATUS__RUNNING_bm))
        return ZEROSKIP_STOPPED;
    status = device->streams.transfer(device->streams.context, samples, input, network->inputs, output, network->outputs);
    errors = read_register(device, AT(ERROR));
    if (errors & ZEROSKIP__ERROR__WATCHDOG_bm)
        return ZEROSKIP_WATCHDOG;
    if (errors & (ZEROSKIP__ERROR__EARLY_LAST_bm | ZEROSKIP__ERROR__LATE_LAST_bm))
        return ZEROSKIP_STREAM;
    return status;
}

zeroskip_status zeroskip_read_counters(const zeroskip_device *device, zeroskip_counters *counters)
{
    counters->latency = read_register(device, AT(LATENCY));
    counters->interval = read_register(device, AT(INTERVAL));
    counters->groups = read_register(device, AT(GROUPS));
    return ZEROSKIP_OK;
}

zeroskip_status zeroskip_read_layer_cycles(const zeroskip_device *device, const zeroskip_network *network, uint32_t layer, uint32_t *cycles)
{
    if (layer >= network->layer_count)
        return ZEROSKIP_ARGUMENT;
    *cycles = read_register(device, AT(LAYER_CYCLES) + 4u * layer);
    return ZEROSKIP_OK;
}

zeroskip_status zeroskip_read_errors(const zeroskip_device *device, uint32_t *errors)
{
    *errors = read_register(device, AT(ERROR));
    return ZEROSKIP_OK;
}

zeroskip_status zeroskip_clear_errors(const zeroskip_device *device, uint32_t errors)
{
    write_register(device, AT(ERROR), errors);
    return ZEROSKIP_OK;
}

uint32_t zeroskip_crc32(uint32_t crc, const uint32_t *values, uint32_t count)
{
    uint32_t i, bit;

    crc = ~crc;
    for (i = 0; i < count; i++) {
        crc ^= values[i]; /* four bytes at once: the least significant one leaves the reflected register first */
        for (bit = 0; bit < 32u; bit++)
            crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
    }
    return ~crc;
}

uint8_t zeroskip_quantize(const zeroskip_format *format, double value)
{
    double scaled = value / format->scale, below, rest;
    int32_t integer;

    /* Past the ends of the format everything saturates; in between, the number fits an int32_t. */
    if (scaled <= (double)(format->low - format->zero_point))
        return (uint8_t)(format->low & 0xFF);
    if (scaled >= (double)(format->high - format->zero_point))
        return (uint8_t)(format->high & 0xFF);
    integer = (int32_t)scaled;
    if ((double)integer > scaled)
        integer--; /* the cast cuts towards zero */
    below = (double)integer;
    rest = scaled - below;
    if (rest > 0.5 || (rest == 0.5 && (integer & 1)))
        integer++;
    return (uint8_t)((integer + format->zero_point) & 0xFF);
}

static int32_t integer_of(const zeroskip_format *format, uint8_t byte)
{
    return format->low < 0 && byte > 0x7F ? (int32_t)byte - 0x100 : (int32_t)byte;
}

double zeroskip_dequantize(const zeroskip_format *format, uint8_t byte)
{
    return format->scale * (double)(integer_of(format, byte) - format->zero_point);
}

uint32_t zeroskip_largest(const zeroskip_format *format, const uint8_t *bytes, uint32_t count)
{
    uint32_t best = 0, i;

    for (i = 1; i < count; i++)
        if (integer_of(format, bytes[i]) > integer_of(format, bytes[best]))
            best = i;
    return best;
}
