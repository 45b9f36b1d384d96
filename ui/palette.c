#include "palette.h"
#include <math.h>
#include <string.h>

/* Luminance only rises in the first two, and falls from the middle to both ends of the third, so
 * that they also read without colours. */
static const uint8_t grey[] = {16,  233, 234, 235, 236, 237, 238, 239, 240, 241, 242, 243, 244,
                               245, 246, 247, 248, 249, 250, 251, 252, 253, 254, 255, 231};
static const uint8_t heat[] = {16, 17, 54, 90, 126, 162, 203, 209, 215, 221, 228, 231};
static const uint8_t diverging[] = {19, 26, 32, 74, 153, 255, 223, 216, 209, 202, 124};
static const char ramp[] = " .:-=+*#%@";

/* Which of `count` equal parts a fraction lies in. */
static int step_of(double fraction, int count)
{
    double step = floor(fraction * count);
    return step > 0 ? step < count ? (int)step : count - 1 : 0; /* NaN: 0 */
}

int palette_colour(enum palette palette, double fraction)
{
    switch (palette) {
    case PALETTE_HEAT:
        return heat[step_of(fraction, sizeof heat)];
    case PALETTE_DIVERGING:
        return diverging[step_of(fraction, sizeof diverging)];
    default:
        return grey[step_of(fraction, sizeof grey)];
    }
}

uint32_t palette_character(double fraction)
{
    return (unsigned char)ramp[step_of(fraction, (int)strlen(ramp))];
}
