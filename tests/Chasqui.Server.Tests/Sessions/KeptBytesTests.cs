using System.Runtime.CompilerServices;
using Chasqui.Client;
using Chasqui.Server.Tests.Keys;
using Microsoft.Extensions.DependencyInjection;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Sessions;

/// <summary>Answers that are kept for who comes back are bounded by their bytes, of all and of each caller.</summary>
public sealed class KeptBytesTests
{
    private const int Updates = 10;
    private const int UpdateBytes = 1_000;

    private static readonly Messages.GenerateRequest _story = new() { Model = "mini", Prompt = "A story" };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1_000_000, 25_000)]
    [InlineData(35_000, 1_000_000)]
    public async Task Where_they_are_too_many_the_callers_own_go_that_ended_first(long all, long perCaller)
    {
        await using var gateway = await StartAsync(all, perCaller);
        await using var one = Client(gateway, await gateway.AddKeyAsync("one"));
        await using var other = Client(gateway, await gateway.AddKeyAsync("other"));
        await AskAsync(one, "g-aaaaaaaaaaaaaaaa");
        foreach (var last in "abc")
            await AskAsync(other, "g-bbbbbbbbbbbbbbb" + last);

        Assert.Equal(Updates, await CountAsync(one, "g-aaaaaaaaaaaaaaaa"));
        Assert.Equal(Updates, await CountAsync(other, "g-bbbbbbbbbbbbbbbb"));
        Assert.Equal(Updates, await CountAsync(other, "g-bbbbbbbbbbbbbbbc"));
        await Assert.ThrowsAsync<ClientException>(() => CountAsync(other, "g-bbbbbbbbbbbbbbba"));
    }

    [Fact]
    public async Task One_that_is_too_large_by_itself_is_answered_and_not_kept()
    {
        await using var gateway = await StartAsync(1_000_000, Updates * UpdateBytes / 2);
        await using var client = Client(gateway, null);

        Assert.Equal(Updates, await AskAsync(client, "g-aaaaaaaaaaaaaaaa"));
        Assert.Equal(0, gateway.App.Services.GetRequiredService<Generations>().Count);
        await Assert.ThrowsAsync<ClientException>(() => CountAsync(client, "g-aaaaaaaaaaaaaaaa"));
    }

    private static Task<RunningGateway> StartAsync(long all, long perCaller) => RunningGateway.StartAsync(
        new ScriptedEngine { Models = KeyModels.Engine().Models, Answer = (_, cancellationToken) => AnswerAsync(cancellationToken) },
        options => options with { Resume = options.Resume with { MaxBytes = all, MaxBytesPerCaller = perCaller } });

    private static ChasquiClient Client(RunningGateway gateway, string? key) => new(new ChasquiClientOptions { Endpoint = GatewayHost.WireAddresses(gateway.App)[0], ApiKey = key });

    private static async Task<int> AskAsync(ChasquiClient client, string id) =>
        (await client.GenerateAsync(_story, new CallOptions { Resume = true, GenerationId = id }, Cancellation).ToListAsync(Cancellation)).Count(update => update.Text.Length > 0);

    private static async Task<int> CountAsync(ChasquiClient client, string id) =>
        (await client.ResumeAsync(id, 0, null, Cancellation).ToListAsync(Cancellation)).Count(update => update.Text.Length > 0);

    private static async IAsyncEnumerable<GenerationUpdate> AnswerAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var i = 0; i < Updates; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
            yield return new GenerationUpdate { Text = new string('x', UpdateBytes) };
        }
        yield return new GenerationUpdate { Result = new GenerationResult { Reason = FinishReason.Stop, CompletionTokens = Updates } };
    }
}
