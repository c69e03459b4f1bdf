using System.Runtime.CompilerServices;
using System.Text;
using Chasqui.Client;
using Chasqui.Doubles;
using Chasqui.Server.Tests.Keys;
using Microsoft.Extensions.DependencyInjection;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Sessions;

/// <summary>Generations over MCP whose readers lose their connection and come back.</summary>
public sealed class WireResumeTests
{
    private const string Id = "g-aaaaaaaaaaaaaaaa";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static Messages.GenerateRequest Story => new()
    {
        Model = "mini",
        Prompt = "Tell me a story.",
        Common = new Messages.GenerationCommon { Options = new Messages.GenerationOptions { Temperature = 0, NumPredict = 40 } },
    };

    [Fact]
    public async Task A_client_whose_connections_are_cut_again_and_again_sees_no_break()
    {
        await using var gateway = await RunningGateway.StartAsync(options => options with { Models = options.Models with { Folders = [Path.GetDirectoryName(Repository.Mini)!] } });
        await using var direct = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
        var expected = await TextAsync(direct.GenerateAsync(Story, null, Cancellation));
        var seed = Environment.TickCount;
        TestContext.Current.SendDiagnosticMessage("seed {0}", seed);
        var random = new Random(seed);
        await using var network = new CuttingProxy(gateway.Wire, () => random.Next(1, 600));
        await using var client = new ChasquiClient(new ChasquiClientOptions
        {
            Endpoint = network.Endpoint,
            Resume = true,
            MinBackoff = TimeSpan.FromMilliseconds(1),
            MaxBackoff = TimeSpan.FromMilliseconds(2),
            ConnectAttempts = 100,
        });

        while (network.Cuts < 200)
            Assert.Equal(expected, await TextAsync(client.GenerateAsync(Story, null, Cancellation)));

        await client.DisposeAsync();
        Assert.Equal(expected, await TextAsync(direct.GenerateAsync(Story, null, Cancellation)));
    }

    [Fact]
    public async Task From_each_offset_exactly_the_rest_comes_to_whoever_asks()
    {
        await using var gateway = await RunningGateway.StartAsync(options => options with { Models = options.Models with { Folders = [Path.GetDirectoryName(Repository.Mini)!] } });
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
        var all = await client.GenerateAsync(Story, new CallOptions { Resume = true, GenerationId = Id }, Cancellation).ToListAsync(Cancellation);
        Assert.True(all.Count > 2);
        await using var other = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);

        for (var offset = 0; offset < all.Count; offset++)
            Assert.Equal(all[offset..], await other.ResumeAsync(Id, offset, null, Cancellation).ToListAsync(Cancellation));

        var beyond = await Assert.ThrowsAsync<ClientException>(async () => await other.ResumeAsync(Id, all.Count, null, Cancellation).ToListAsync(Cancellation));
        Assert.Equal("invalid_request", beyond.Error.Code);
        var none = await Assert.ThrowsAsync<ClientException>(async () => await other.ResumeAsync("g-bbbbbbbbbbbbbbbb", 0, null, Cancellation).ToListAsync(Cancellation));
        Assert.Equal("generation_not_found", none.Error.Code);
    }

    [Fact]
    public async Task What_fails_before_its_first_update_says_why_and_can_be_asked_for_again()
    {
        var isDown = true;
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => isDown ? throw new EngineUnavailableException("all nodes are down") : ScriptedEngine.TokensAsync(["Hi"], token),
        });
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
        var call = new CallOptions { Resume = true, GenerationId = Id };

        var down = await Assert.ThrowsAsync<ClientException>(async () => await client.GenerateAsync(Story, call, Cancellation).ToListAsync(Cancellation));

        Assert.Equal((503, "all nodes are down"), (down.Status, down.Error.Message));
        Assert.Equal(0, gateway.App.Services.GetRequiredService<Generations>().Count);
        isDown = false;
        Assert.Equal("Hi", await TextAsync(client.GenerateAsync(Story, call, Cancellation)));
    }

    [Fact]
    public async Task Who_leaves_it_on_purpose_takes_it_from_nobody_else()
    {
        var go = new TaskCompletionSource();
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => WaitAsync(go.Task, token) });
        await using var first = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
        var request = new Messages.ChatRequest { Model = "mini", Messages = { new Messages.ChatMessage { Role = "user", Content = "Hello" } } };

        var begun = first.ChatAsync(request, new CallOptions { Resume = true, GenerationId = Id }, Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await begun.MoveNextAsync());
        var rest = client.ChatAsync(request, new CallOptions { Resume = true, GenerationId = Id }, Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await rest.MoveNextAsync());
        Assert.Equal(begun.Current, rest.Current);
        await begun.DisposeAsync();
        go.SetResult();

        var text = new StringBuilder(rest.Current.Text);
        while (await rest.MoveNextAsync())
            text.Append(rest.Current.Text);
        Assert.EndsWith("the end", text.ToString(), StringComparison.Ordinal);
        await rest.DisposeAsync();
    }

    [Fact]
    public async Task It_ends_when_its_only_reader_leaves_on_purpose_or_when_somebody_says_so()
    {
        var ends = new[] { new TaskCompletionSource(), new TaskCompletionSource() };
        var count = -1;
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => EndlessAsync(ends[Interlocked.Increment(ref count)], token) });
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);

        await foreach (var _ in client.GenerateAsync(Story, new CallOptions { Resume = true, GenerationId = Id }, Cancellation))
            break;
        await ends[0].Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);

        await using var reader = client.GenerateAsync(Story, new CallOptions { Resume = true, GenerationId = Id }, Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await reader.MoveNextAsync());
        await client.CancelGenerationAsync(Id, null, Cancellation);
        await ends[1].Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        var ended = await Assert.ThrowsAsync<ClientException>(async () => await reader.MoveNextAsync());
        Assert.Contains(Id, ended.Message, StringComparison.Ordinal);
        Assert.Equal(0, gateway.App.Services.GetRequiredService<Generations>().Count);
    }

    [Fact]
    public async Task Where_there_is_no_room_the_one_goes_that_ended_first()
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine(), options => options with { Resume = options.Resume with { MaxKept = 2 } });
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
        string[] ids = ["g-aaaaaaaaaaaaaaaa", "g-bbbbbbbbbbbbbbbb", "g-cccccccccccccccc"];
        foreach (var id in ids)
            await client.GenerateAsync(Story, new CallOptions { Resume = true, GenerationId = id }, Cancellation).ToListAsync(Cancellation);

        await Assert.ThrowsAsync<ClientException>(async () => await client.ResumeAsync(ids[0], 0, null, Cancellation).ToListAsync(Cancellation));
        foreach (var id in ids[1..])
            Assert.NotEmpty(await client.ResumeAsync(id, 0, null, Cancellation).ToListAsync(Cancellation));
    }

    [Theory]
    [InlineData(2, 100)]
    [InlineData(100, 1)]
    public async Task No_caller_takes_the_place_of_another(int maxKept, int perCaller)
    {
        await using var gateway = await RunningGateway.StartAsync(
            KeyModels.Engine(), options => options with { Resume = options.Resume with { MaxKept = maxKept, MaxKeptPerCaller = perCaller } });
        await using var one = Client(await gateway.AddKeyAsync("one"));
        await using var other = Client(await gateway.AddKeyAsync("other"));
        await KeepAsync(one, "g-aaaaaaaaaaaaaaaa");
        foreach (var last in "abcdef")
            await KeepAsync(other, "g-bbbbbbbbbbbbbbb" + last);

        Assert.NotEmpty(await one.ResumeAsync("g-aaaaaaaaaaaaaaaa", 0, null, Cancellation).ToListAsync(Cancellation));
        Assert.NotEmpty(await other.ResumeAsync("g-bbbbbbbbbbbbbbbf", 0, null, Cancellation).ToListAsync(Cancellation));
        await Assert.ThrowsAsync<ClientException>(async () => await other.ResumeAsync("g-bbbbbbbbbbbbbbba", 0, null, Cancellation).ToListAsync(Cancellation));

        ChasquiClient Client(string key) => new(new ChasquiClientOptions { Endpoint = GatewayHost.WireAddresses(gateway.App)[0], ApiKey = key });

        static Task KeepAsync(ChasquiClient client, string id) =>
            client.GenerateAsync(Story, new CallOptions { Resume = true, GenerationId = id }, Cancellation).ToListAsync(Cancellation).AsTask();
    }

    [Theory]
    [InlineData("short")]
    [InlineData("G-AAAAAAAAAAAAAAAA")]
    public async Task An_id_that_cannot_be_is_refused(string id)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);

        var error = await Assert.ThrowsAsync<ClientException>(async () => await client.GenerateAsync(Story, new CallOptions { Resume = true, GenerationId = id }, Cancellation).ToListAsync(Cancellation));

        Assert.Equal(400, error.Status);
        Assert.Contains(id, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_kept_by_a_gateway_that_is_gone_ends_with_the_loss()
    {
        var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine { Answer = (_, token) => EndlessAsync(new TaskCompletionSource(), token) }, options => options with { Shutdown = new ShutdownOptions { DrainTimeout = TimeSpan.Zero } });
        await using var client = new ChasquiClient(new ChasquiClientOptions
        {
            Endpoint = GatewayHost.WireAddresses(gateway.App)[0],
            Resume = true,
            ResumeWithin = TimeSpan.FromSeconds(1),
            MinBackoff = TimeSpan.FromMilliseconds(1),
            MaxBackoff = TimeSpan.FromMilliseconds(50),
        });
        await using var reader = client.GenerateAsync(Story, null, Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await reader.MoveNextAsync());

        await gateway.DisposeAsync();

        var error = await Assert.ThrowsAsync<ClientException>(async () =>
        {
            while (await reader.MoveNextAsync())
            {
            }
        });
        Assert.True(error.IsConnectionLost || error.Reset is not null, error.Message);
    }

    private static async Task<string> TextAsync(IAsyncEnumerable<Messages.GenerationUpdate> updates)
    {
        var text = new StringBuilder();
        await foreach (var update in updates)
            text.Append(update.Text);
        return text.ToString();
    }

    private static async IAsyncEnumerable<GenerationUpdate> WaitAsync(Task go, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new() { Text = "Once " };
        await go.WaitAsync(cancellationToken);
        yield return new() { Text = "the end" };
        yield return new() { Result = new GenerationResult { Reason = FinishReason.Stop, PromptTokens = 1, CompletionTokens = 2 } };
    }

    private static async IAsyncEnumerable<GenerationUpdate> EndlessAsync(TaskCompletionSource ended, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            yield return new() { Text = "Once " };
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }
        finally
        {
            ended.TrySetResult();
        }
    }
}
