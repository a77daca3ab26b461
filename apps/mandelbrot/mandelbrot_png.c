/* rankine-mandelbrot-png RUN.h5 OUT.png: the image in a run file of the mandelbrot kernel as a PNG. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <hdf5.h>
#include <png.h>

typedef struct {
    uint32_t *iterations, most;
    size_t width, height;
} image;

/* libpng reads no side that is longer, unless told to. */
enum { LONGEST_SIDE = 1000000 };

static int complain(const char *what, const char *name, const char *why) {
    fprintf(stderr, "rankine-mandelbrot-png: %s '%s': %s\n", what, name, why);
    return 1;
}

static const char *read_data_set(hid_t file, image *out) {
    hsize_t dims[2];
    hid_t id = H5Dopen2(file, "iterations", H5P_DEFAULT);
    if (id < 0)
        return "it has no data set 'iterations' (was it made by 'rankine run mandelbrot'?)";
    hid_t space = H5Dget_space(id);
    const char *trouble = NULL;
    if (H5Sget_simple_extent_ndims(space) != 2 || H5Sget_simple_extent_dims(space, dims, NULL) != 2)
        trouble = "'iterations' is not one image; give a run without swept parameters";
    else if (dims[0] == 0 || dims[1] == 0 || dims[0] > LONGEST_SIDE || dims[1] > LONGEST_SIDE)
        trouble = "a side of 'iterations' is not 1 to 1000000 pixels";
    else if ((out->iterations = calloc((size_t)(dims[0] * dims[1]), sizeof *out->iterations)) == NULL)
        trouble = "not enough memory";
    else if (H5Dread(id, H5T_NATIVE_UINT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, out->iterations) < 0)
        trouble = "'iterations' cannot be read";
    out->height = trouble ? 0 : (size_t)dims[0];
    out->width = trouble ? 0 : (size_t)dims[1];
    H5Sclose(space);
    H5Dclose(id);
    return trouble;
}

static const char *read_image(const char *path, image *out) {
    const char *trouble = "it is not an HDF5 file, or not there";
    H5E_BEGIN_TRY {
        hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
        if (file >= 0) {
            trouble = read_data_set(file, out);
            H5Fclose(file);
        }
    }
    H5E_END_TRY
    for (size_t i = 0; trouble == NULL && i < out->width * out->height; i++)
        out->most = out->iterations[i] > out->most ? out->iterations[i] : out->most;
    return trouble;
}

/* From deep blue over white to amber and back, evenly in the logarithm; the set itself is black. */
static void colour(uint32_t n, uint32_t most, png_byte rgb[3]) {
    static const double shades[][3] = {{0, 7, 100}, {32, 107, 203}, {237, 255, 255}, {255, 170, 0}, {90, 20, 0}};
    const unsigned last = sizeof shades / sizeof *shades - 1;
    double at = most > 1 ? log((double)n + 1) / log((double)most + 1) * last * 1.6 : 0;
    at = fmod(at, last);
    unsigned i = (unsigned)at;
    for (int c = 0; c < 3; c++)
        rgb[c] = n >= most ? 0 : (png_byte)lround(shades[i][c] + (at - i) * (shades[i + 1][c] - shades[i][c]));
}

static int write_png(const char *path, const image *from) {
    png_image header = {.version = PNG_IMAGE_VERSION,
                        .format = PNG_FORMAT_RGB,
                        .width = (png_uint_32)from->width,
                        .height = (png_uint_32)from->height};
    png_byte *pixels = malloc(3 * from->width * from->height);
    if (pixels == NULL)
        return complain("image", path, "not enough memory");
    for (size_t i = 0; i < from->width * from->height; i++)
        colour(from->iterations[i], from->most, pixels + 3 * i);
    /* The first row has the lowest imaginary part: a negative stride puts it at the bottom. */
    int written = png_image_write_to_file(&header, path, 0, pixels, -(png_int_32)(3 * from->width), NULL);
    free(pixels);
    return written ? 0 : complain("image", path, header.message);
}

int main(int argc, char **argv) {
    image picture = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: rankine-mandelbrot-png RUN.h5 OUT.png\n"
                        "Writes the image that 'rankine run mandelbrot -o RUN.h5' computed as a PNG.\n");
        return 2;
    }
    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
    const char *trouble = read_image(argv[1], &picture);
    int status = trouble ? complain("run file", argv[1], trouble) : write_png(argv[2], &picture);
    free(picture.iterations);
    return status;
}
