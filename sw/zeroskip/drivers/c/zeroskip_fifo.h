/* A ready-made transport for zeroskip_run: the streams of a 32-bit array behind an AMD/Xilinx AXI4-Stream FIFO (PG080) on the processor's
 * bus, in its default store-and-forward mode, AXI4-Lite, polled.
 */
#ifndef ZEROSKIP_FIFO_H
#define ZEROSKIP_FIFO_H

#include "zeroskip.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct zeroskip_fifo {
    uintptr_t base;     /* address of the FIFO's registers */
    uint32_t depth;     /* words of its transmit side; the receive side must hold one sample of results at least */
    uint32_t polls;     /* how often it is looked at in a row without anything to do, at least 1 */
} zeroskip_fifo;

/* Empties both sides and clears the FIFO's flags. Call it once before the first transfer, and after a transfer that was not OK. */
zeroskip_status zeroskip_fifo_reset(const zeroskip_fifo *fifo);

/* As zeroskip_transfer demands; `context` is a zeroskip_fifo. ARGUMENT where one sample does not fit the transmit side, STREAM where a
 * packet comes back with another length, TIMEOUT where nothing moves any more.
 */
zeroskip_status zeroskip_fifo_transfer(void *context, uint32_t samples, const uint8_t *input, uint32_t inputs, uint8_t *output,
                                       uint32_t outputs);

#ifdef __cplusplus
}
#endif

#endif
