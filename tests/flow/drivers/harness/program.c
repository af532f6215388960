/* Everything that the driver can do, on a simulated board, as a C program would do it. Each line says what was found. */

#include <stdio.h>

#include "access.h"
#include "first.h"
#include "foreign.h"
#include "samples.h"
#include "second.h"
#include "zeroskip_fifo.h"
#include "zeroskip_registers.h"

#define MOST_VALUES 65536u
#define MOST_IMAGES 160u

static zeroskip_fifo fifo = { FIFO_BASE, FIFO_DEPTH, 20000u };
static zeroskip_device device = { ARRAY_BASE, 20000u, { zeroskip_fifo_transfer, &fifo } };
static uint8_t results[SAMPLES * FIRST_OUTPUTS];

static void say(const char *what, zeroskip_status status)
{
    printf("%s: %s\n", what, zeroskip_status_text(status));
}

static void say_errors(void)
{
    uint32_t errors = 0;

    zeroskip_read_errors(&device, &errors);
    printf("errors: %#x\n", (unsigned)errors);
}

/* A copy of `network` with one bit of one value changed. */
static const zeroskip_network *damaged(const zeroskip_network *network, uint32_t image, uint32_t value, uint32_t bit)
{
    static uint32_t values[MOST_VALUES];
    static zeroskip_image images[MOST_IMAGES];
    static zeroskip_network copy;
    uint32_t i;

    for (i = 0; i < network->image_count; i++)
        images[i] = network->images[i];
    for (i = 0; i < images[image].words * images[image].parts; i++)
        values[i] = images[image].values[i];
    values[value] ^= (uint32_t)1 << bit;
    images[image].values = values;
    copy = *network;
    copy.images = images;
    return &copy;
}

static void classify(const char *what, const zeroskip_network *network)
{
    zeroskip_counters counters = { 0, 0, 0 };
    uint32_t i, k, cycles = 0;

    say(what, zeroskip_run(&device, network, SAMPLES, samples, results));
    for (i = 0; i < SAMPLES; i++) {
        printf("sample %u: largest %u:", (unsigned)i, (unsigned)zeroskip_largest(&network->output, results + i * network->outputs, network->outputs));
        for (k = 0; k < network->outputs; k++)
            printf(" %u", (unsigned)results[i * network->outputs + k]);
        printf("\n");
    }
    zeroskip_read_counters(&device, &counters);
    printf("latency: %u\ninterval: %u\ngroups: %u\n", (unsigned)counters.latency, (unsigned)counters.interval, (unsigned)counters.groups);
    for (i = 0; i < network->layer_count; i++) {
        zeroskip_read_layer_cycles(&device, network, i, &cycles);
        printf("layer %s: %u\n", network->layers[i].name, (unsigned)cycles);
    }
    say_errors();
}

static void identities(void)
{
    zeroskip_device other = device;
    zeroskip_identity identity = { 0, 0, 0, 0, 0, 0 };

    say("identify", zeroskip_identify(&device, &identity));
    printf("identity: %#x %#x %u %u %u %u\n", (unsigned)identity.version, (unsigned)identity.config_id, identity.lanes, identity.columns,
           identity.word, identity.weight_bits);
    other.base = NOTHING_BASE;
    say("identify nothing", zeroskip_identify(&other, &identity));
    say("load into nothing", zeroskip_load(&other, &first));
    other.base = OLD_ARRAY_BASE;
    say("identify an old one", zeroskip_identify(&other, &identity));
    say("load of another array", zeroskip_load(&device, &foreign));
    say("reload of another array", zeroskip_reload(&device, &foreign));
}

static void damages(void)
{
    const zeroskip_network *bad = damaged(&first, first.image_count - 1u, 5, 3);
    zeroskip_counters counters = { 1, 1, 1 };

    say("check of the images", zeroskip_check_images(&first));
    say("check of damaged images", zeroskip_check_images(bad));
    say("load of damaged images", zeroskip_load(&device, bad));
    say("start with damaged images", zeroskip_start(&device));
    say_errors();
    say("run with damaged images", zeroskip_run(&device, bad, 1, samples, results));
    zeroskip_read_counters(&device, &counters);
    printf("counters: %u %u %u\n", (unsigned)counters.latency, (unsigned)counters.interval, (unsigned)counters.groups);
    zeroskip_clear_errors(&device, 0xFFFFFFFFu);
    say_errors();
}

static void wrong_uses(void)
{
    zeroskip_device mute = device, hasty = device;
    uint32_t cycles = 7;

    say("load while it runs", zeroskip_load(&device, &first));
    zeroskip_write32(ARRAY_BASE + first.images[0].address, 1);
    printf("bus errors: %u\n", bus_errors());
    say_errors();
    zeroskip_clear_errors(&device, ZEROSKIP__ERROR__LOAD_WHILE_RUNNING_bm);
    say_errors();
    mute.streams.transfer = 0;
    say("run without streams", zeroskip_run(&mute, &first, 1, samples, results));
    say("layer that is not there", zeroskip_read_layer_cycles(&device, &first, first.layer_count, &cycles));
    say("sample that is too long", zeroskip_fifo_transfer(&fifo, 1, samples, 4u * FIFO_DEPTH + 1u, results, first.outputs));
    say("result of another length", zeroskip_fifo_transfer(&fifo, 1, samples, first.inputs, results, first.outputs - 4u));
    zeroskip_fifo_reset(&fifo);
    say("sample of another length", zeroskip_fifo_transfer(&fifo, 1, samples, first.inputs - 4u, results, first.outputs));
    zeroskip_fifo_reset(&fifo);
    say_errors();
    say("reload of damaged images", zeroskip_reload(&device, damaged(&second, 0, 0, 0)));
    zeroskip_clear_errors(&device, 0xFFFFFFFFu);
    say("still running", zeroskip_run(&device, &first, 1, samples, results));
    hasty.polls = 1;
    zeroskip_stop(&device);
    say("start without patience", zeroskip_start(&hasty));
    zeroskip_stop(&device);
    say("run while stopped", zeroskip_run(&device, &first, 1, samples, results));
}

static void watched(void)
{
    zeroskip_network strict = first;

    strict.layer_limit = first.layers[0].cycles - 1u;
    zeroskip_stop(&device);
    say("load with a low limit", zeroskip_load(&device, &strict));
    say("start with a low limit", zeroskip_start(&device));
    fifo.polls = 2000u;
    say("run with a low limit", zeroskip_run(&device, &strict, 1, samples, results));
    fifo.polls = 20000u;
    zeroskip_fifo_reset(&fifo);
}

int run_host(void)
{
    zeroskip_fifo_reset(&fifo);
    identities();
    say("stop", zeroskip_stop(&device));
    damages();
    say("load", zeroskip_load(&device, &first));
    say("start", zeroskip_start(&device));
    classify("run", &first);
    wrong_uses();
    say("reload", zeroskip_reload(&device, &second));
    classify("run anew", &second);
    watched();
    say("reload the first", zeroskip_reload(&device, &first));
    classify("run the first", &first);
    printf("bus errors: %u\n", bus_errors());
    return 0;
}
