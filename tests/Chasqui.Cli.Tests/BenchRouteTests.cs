using Chasqui.Bench.Route;

namespace Chasqui.Cli.Tests;

/// <summary>The replay of <c>bench route</c>, with traces whose outcome can be told beforehand.</summary>
public sealed class BenchRouteTests
{
    [Fact]
    public void A_node_is_warm_for_what_it_has_computed_and_its_first_token_comes_sooner()
    {
        var node = new SimulatedNode(10);
        var (cold, _) = node.Take(Request(0, [1, 2, 3]));
        var (warm, end) = node.Take(Request(100, [1, 2, 3, 4]));

        Assert.Equal(3, node.WarmBlocks);
        Assert.Equal(7, node.Blocks);
        Assert.Equal(3 * 512 / 20_000.0, cold.TotalSeconds, 3);
        Assert.Equal(512 / 20_000.0, (warm - TimeSpan.FromSeconds(100)).TotalSeconds, 3);
        Assert.Equal(40 / 40.0, (end - warm).TotalSeconds, 3);
    }

    [Fact]
    public void A_full_cache_forgets_the_end_of_what_was_used_longest_ago()
    {
        var node = new SimulatedNode(4);
        node.Take(Request(0, [1, 2, 3]));
        node.Take(Request(1, [10, 20]));

        node.Take(Request(2, [1, 2, 3]));

        Assert.Equal(2, node.WarmBlocks);
    }

    /// <summary>Conversations that grow by a block with each of 20 turns: whoever stays with his node finds all but the last block.</summary>
    [Theory]
    [InlineData("time")]
    [InlineData("bounded")]
    [InlineData("gateway")]
    public void Conversations_find_their_node_again_and_the_load_is_even(string name)
    {
        var trace = Enumerable.Range(1, 20).SelectMany(turn => Enumerable.Range(0, 40).Select(talk =>
            Request((turn * 60) + talk, [.. Enumerable.Range(1, turn + 2).Select(block => ((ulong)talk << 20) + (ulong)block)]))).ToList();

        var affine = Replay.Run(trace, Create(name), TestContext.Current.CancellationToken);
        var plain = Replay.Run(trace, new LeastConnectionsPolicy(Replay.Nodes, new Random(1)), TestContext.Current.CancellationToken);

        Assert.InRange(affine.Warm, 0.85, Replay.Ceiling(trace));
        Assert.True(plain.Warm < affine.Warm, $"{plain.Warm} against {affine.Warm}");
        Assert.InRange(affine.Requests, 1, 1.5);
    }

    /// <summary>All prompts have one beginning: who only follows prefixes sends them all to the first node.</summary>
    [Theory]
    [InlineData("time")]
    [InlineData("bounded")]
    [InlineData("gateway")]
    public void A_beginning_that_all_share_does_not_draw_all_to_one_node(string name)
    {
        var trace = Enumerable.Range(0, 400).Select(i => Request(i * 0.05, [1, (ulong)i + 1000, (ulong)i + 2000, (ulong)i + 3000, (ulong)i + 4000])).ToList();

        var result = Replay.Run(trace, Create(name), TestContext.Current.CancellationToken);

        Assert.InRange(result.Requests, 1, 1.6);
    }

    [Fact]
    public void The_trace_is_read_as_it_was_published()
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, """{"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47, 2353]}""" + "\n");

            var request = Assert.Single(MooncakeTrace.Read(path));

            Assert.Equal(TimeSpan.FromMilliseconds(27482), request.At);
            Assert.Equal((6955, 52), (request.InputTokens, request.OutputTokens));
            Assert.Equal([46, 47, 2353], request.Blocks);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static RouteRequest Request(double seconds, ulong[] blocks) => new(TimeSpan.FromSeconds(seconds), blocks.Length * 512, 40, blocks);

    private static IRoutePolicy Create(string name) => name switch
    {
        "time" => new ExpectedTimePolicy(Replay.Nodes, 16_384, 0.25, new Random(1)),
        "bounded" => new BoundedAffinityPolicy(Replay.Nodes, 16_384, 2, 2, new Random(1)),
        _ => new GatewayPolicy(Replay.Nodes, new Random(1)),
    };
}
