/* The filters of a group, cut evenly into blocks of rows that the kernels can take at once. */
#ifndef TN_ENGINE_ROW_BLOCK_H
#define TN_ENGINE_ROW_BLOCK_H

struct tn_row_block {
    int begin, rows;
};

static inline int tn_row_blocks(int filters, int most)
{
    return (filters + most - 1) / most;
}

static inline struct tn_row_block tn_row_block_at(int filters, int count, int index)
{
    int begin = (int)((long)filters * index / count);
    return (struct tn_row_block){begin, (int)((long)filters * (index + 1) / count) - begin};
}

#endif
