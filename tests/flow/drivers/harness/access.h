/* Register access of the driver under test: the bus of the simulated board. */
#ifndef ACCESS_H
#define ACCESS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

uint32_t zeroskip_read32(uintptr_t address);
void zeroskip_write32(uintptr_t address, uint32_t value);

/* Accesses that the bus has answered with an error so far. */
unsigned bus_errors(void);

#define ARRAY_BASE 0x40000000u
#define FIFO_BASE 0x50000000u
#define FIFO_DEPTH 512u
#define OLD_ARRAY_BASE 0x60000000u /* an array of an earlier major version */
#define NOTHING_BASE 0x70000000u

int run_host(void);

#ifdef __cplusplus
}
#endif

#endif
