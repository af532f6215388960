/* The streams behind an AXI4-Stream FIFO; zeroskip_fifo.h says what each function does. */

#include "zeroskip_fifo.h"

/* Registers of the FIFO, byte offsets. */
#define FIFO_ISR 0x00u  /* interrupt flags, cleared by ones */
#define FIFO_TDFR 0x08u /* transmit reset */
#define FIFO_TDFV 0x0Cu /* transmit vacancy, in words */
#define FIFO_TDFD 0x10u /* transmit data */
#define FIFO_TLR 0x14u  /* length in bytes; writing it sends the packet */
#define FIFO_RDFR 0x18u /* receive reset */
#define FIFO_RDFO 0x1Cu /* receive occupancy, in words */
#define FIFO_RDFD 0x20u /* receive data */
#define FIFO_RLR 0x24u  /* length in bytes of the next packet; reading it takes the length */

#define FIFO_RESET_KEY 0xA5u
#define FIFO_LENGTH 0x7FFFFFu

static void send(const zeroskip_fifo *fifo, const uint8_t *bytes, uint32_t count)
{
    uint32_t i, word = 0;

    for (i = 0; i < count; i++) {
        word |= (uint32_t)bytes[i] << (8u * (i & 3u));
        if ((i & 3u) == 3u || i + 1u == count) {
            zeroskip_write32(fifo->base + FIFO_TDFD, word);
            word = 0;
        }
    }
    zeroskip_write32(fifo->base + FIFO_TLR, count);
}

static zeroskip_status receive(const zeroskip_fifo *fifo, uint8_t *bytes, uint32_t count)
{
    uint32_t length = zeroskip_read32(fifo->base + FIFO_RLR) & FIFO_LENGTH, i, word = 0;

    /* Without TKEEP the FIFO counts whole words. */
    if (length != count && length != ((count + 3u) & ~3u))
        return ZEROSKIP_STREAM;
    for (i = 0; i < count; i++) {
        if ((i & 3u) == 0u)
            word = zeroskip_read32(fifo->base + FIFO_RDFD);
        bytes[i] = (uint8_t)(word & 0xFFu);
        word >>= 8;
    }
    return ZEROSKIP_OK;
}

zeroskip_status zeroskip_fifo_reset(const zeroskip_fifo *fifo)
{
    zeroskip_write32(fifo->base + FIFO_TDFR, FIFO_RESET_KEY);
    zeroskip_write32(fifo->base + FIFO_RDFR, FIFO_RESET_KEY);
    zeroskip_write32(fifo->base + FIFO_ISR, 0xFFFFFFFFu);
    return ZEROSKIP_OK;
}

zeroskip_status zeroskip_fifo_transfer(void *context, uint32_t samples, const uint8_t *input, uint32_t inputs, uint8_t *output,
                                       uint32_t outputs)
{
    const zeroskip_fifo *fifo = (const zeroskip_fifo *)context;
    uint32_t words = (inputs + 3u) / 4u, sent = 0, received = 0, left = fifo->polls;
    zeroskip_status status;

    if (words > fifo->depth)
        return ZEROSKIP_ARGUMENT;
    while (received < samples) {
        if (left-- == 0)
            return ZEROSKIP_TIMEOUT;
        if (sent < samples && zeroskip_read32(fifo->base + FIFO_TDFV) >= words) {
            send(fifo, input + sent * inputs, inputs);
            sent++;
            left = fifo->polls;
        }
        if (received < sent && zeroskip_read32(fifo->base + FIFO_RDFO) != 0) {
            status = receive(fifo, output + received * outputs, outputs);
            if (status != ZEROSKIP_OK)
                return status;
            received++;
            left = fifo->polls;
        }
    }
    return ZEROSKIP_OK;
}
