/* A program outside the tree that uses the installed library: built by `make installcheck`. */
#include <model/layers.h>
#include <model/zoo.h>
#include <stdio.h>

int main(void)
{
    struct tn_error error;
    struct tn_zoo_options options = {.seed = 1};
    struct tn_graph *graph = tn_zoo_build("fashion-vgg", &options, &error);
    struct tn_cost cost;
    if (!graph || !tn_cost_of(graph, &cost, &error)) {
        fprintf(stderr, "consumer: %s\n", error.text);
        tn_graph_free(graph);
        return 1;
    }
    printf("fashion-vgg: %lld parameters\n", (long long)cost.params);
    tn_graph_free(graph);
    return cost.params > 0 ? 0 : 1;
}
