using System.Text.Json;
using Chasqui.Gateway.Requests;
using Chasqui.Gateway.Telemetry;
using CsCheck;

namespace Chasqui.Gateway.Tests.Requests;

public sealed class PromptBlocksTests
{
    private static readonly Gen<string> _text = Gen.OneOf(
        Gen.String[Gen.Char[' ', '~'], 0, 40],
        Gen.Char['a', 'z'].Select(c => new string(c, 700)),
        Gen.Int[1, 90].Select(times => string.Concat(Enumerable.Repeat("Grüße, 世界 🦙 ", times))));

    [Fact]
    public void A_conversation_has_the_same_hashes_as_types_and_as_JSON()
    {
        Gen.Select(Gen.Int[0, 2].Select(i => new[] { "user", "assistant", "system" }[i]), _text).Array[1, 8].Sample(
            messages =>
            {
                var json = JsonSerializer.SerializeToUtf8Bytes(new { model = "m", messages = messages.Select(m => new { role = m.Item1, content = m.Item2 }) });
                Assert.True(RequestScan.TryRead(json, Dialects.Ollama, out var scan, out _));
                using (scan)
                {
                    var typed = new ChatRequest { Model = "m", Messages = [.. messages.Select(m => new ChatMessage { Role = m.Item1, Content = m.Item2 })] };
                    Assert.Equal(PromptBlocks.Of("m:latest", null, scan.Prefixes), PromptBlocks.Of("m:latest", null, typed));
                }
            },
            threads: 1);
    }

    [Fact]
    public void What_is_more_than_128_KiB_has_no_further_hashes()
    {
        var long1 = new GenerateRequest { Model = "m", Prompt = new string('x', 200_000) };
        var long2 = long1 with { Prompt = long1.Prompt + "y" };
        Assert.Equal(256, PromptBlocks.Of("m:latest", null, long1).Length);
        Assert.Equal(PromptBlocks.Of("m:latest", null, long1), PromptBlocks.Of("m:latest", null, long2));
        Assert.Empty(PromptBlocks.Of("m:latest", null, long1 with { Prompt = "short" }));
    }

    [Fact]
    public void What_one_model_has_computed_counts_for_no_other_and_its_names_are_one()
    {
        var request = new GenerateRequest { Model = "m", Prompt = new string('x', 4_000) };
        var hashes = PromptBlocks.Of("m:latest", null, request);
        Assert.Empty(hashes.Intersect(PromptBlocks.Of("other:latest", null, request)));
        Assert.Equal(hashes, PromptBlocks.Of("M:latest", null, request));
    }

    [Fact]
    public void What_was_computed_for_one_scope_counts_for_no_other()
    {
        var request = new GenerateRequest { Model = "m", Prompt = new string('x', 4_000) };
        var hashes = PromptBlocks.Of("m:latest", "a", request);
        Assert.Empty(hashes.Intersect(PromptBlocks.Of("m:latest", "b", request)));
        Assert.Empty(hashes.Intersect(PromptBlocks.Of("m:latest", null, request)));
        Assert.Equal(hashes, PromptBlocks.Of("m:latest", "a", request));
    }

    [Fact]
    public async Task A_conversation_of_another_tenant_does_not_say_which_node_knows_it()
    {
        using var telemetry = new GatewayTelemetry();
        var nodes = new[] { new FakeNode("a", "m"), new FakeNode("b", "m") };
        foreach (var node in nodes)
            node.Resident.Add("m");
        await using var fleet = await Fleet.OfAsync(nodes);
        var request = new GenerateRequest { Model = "m", Prompt = string.Concat(Enumerable.Range(0, 2_000)) };
        var measure = telemetry.Begin(new RequestOrigin { Transport = "http", Route = "/api/generate" });

        var blocks = new List<ulong[]>();
        foreach (var (tenant, id) in new[] { ("t", "1"), ("t", "2"), ("u", "3"), ("", "4") })
        {
            measure.Caller = new Caller { Id = id, Tenant = tenant };
            blocks.Add(fleet.Dispatcher.BlocksOf("m:latest", request).ToArray());
        }
        measure.Ended(RequestOutcome.Ok);

        Assert.Equal(blocks[0], blocks[1]);
        Assert.Empty(blocks[0].Intersect(blocks[2]));
        Assert.Empty(blocks[0].Intersect(blocks[3]));
        Assert.NotEmpty(blocks[3]);
    }

    [Fact]
    public async Task A_typed_conversation_goes_back_to_the_node_that_knows_it()
    {
        var nodes = new[] { new FakeNode("a", "m"), new FakeNode("b", "m") };
        foreach (var node in nodes)
            node.Resident.Add("m");
        await using var fleet = await Fleet.OfAsync(nodes);
        var prompt = string.Concat(Enumerable.Range(0, 2_000));
        for (var i = 0; i < 20; i++)
        {
            await foreach (var _ in fleet.Engine.GenerateAsync(new GenerateRequest { Model = "m", Prompt = prompt }, Fleet.Token))
            {
            }
        }
        Assert.Equal([0, 20], nodes.Select(node => node.Asked.Count).Order());
    }
}
