using Chasqui.Gateway.Merging;
using Chasqui.Gateway.Telemetry;
using CsCheck;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Gateway.Tests.Merging;

/// <summary>Whatever the mixture of callers, sizes, leaving and failing: everybody gets his own vectors in their order, or his own error, and nothing stays behind.</summary>
public sealed class MergerPropertyTests
{
    private sealed record Shape(MergeStrategy Strategy, int MaxInputs, int Slots, int Requests, int Seed);

    private static readonly Gen<Shape> _shape = Gen.Select(
        Gen.Bool, Gen.Int[1, 12], Gen.Int[1, 4], Gen.Int[1, 60], Gen.Int[0, 100_000],
        (isFixed, most, slots, requests, seed) => new Shape(isFixed ? MergeStrategy.Fixed : MergeStrategy.Dynamic, most, slots, requests, seed));

    [Fact]
    public async Task Everybody_gets_his_own() => await _shape.SampleAsync(PlayAsync, iter: 300, threads: 1);

    private static async Task PlayAsync(Shape shape)
    {
        var random = new Random(shape.Seed);
        var time = new FakeTimeProvider();
        using var telemetry = new GatewayTelemetry(time);
        var upstream = new HeldUpstream { SlotCount = shape.Slots };
        var settings = new GatewaySettings { Merging = new MergingOptions { Strategy = shape.Strategy, MaxInputs = shape.MaxInputs, Window = TimeSpan.FromMilliseconds(5) } };
        var merger = new EmbeddingMerger(upstream, () => settings, time);
        var asked = new List<(string[] Texts, Task<EmbedResult> Task, CancellationTokenSource Leaving)>();
        var failed = new HashSet<Task>();
        var texts = 0;
        while (asked.Count < shape.Requests || asked.Any(one => !one.Task.IsCompleted))
        {
            switch (random.Next(6))
            {
                case <= 2 when asked.Count < shape.Requests:
                    string[] mine = [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => random.Next(25) == 0 ? $"bad{texts++}" : $"text {texts++}")];
                    var leaving = new CancellationTokenSource();
                    asked.Add((mine, AskAsync(telemetry, merger, $"c{random.Next(4)}", random.Next(3), mine, leaving.Token), leaving));
                    break;
                case 3:
                    time.Advance(TimeSpan.FromMilliseconds(random.Next(8)));
                    break;
                case 4 when asked.Count > 0 && random.Next(4) == 0:
                    await asked[random.Next(asked.Count)].Leaving.CancelAsync();
                    break;
                default:
                    if (upstream.Open is { Count: > 0 } open)
                        End(open[random.Next(open.Count)], random);
                    break;
            }
            Assert.True(shape.Strategy == MergeStrategy.Fixed || upstream.Open.GroupBy(call => call.Request.Model).All(calls => calls.Count() <= shape.Slots));
            await Task.Yield();
        }

        foreach (var (mine, task, leaving) in asked)
        {
            if (task.IsCompletedSuccessfully)
                Assert.Equal(mine.Select(HeldUpstream.Vector), (await task).Vectors);
            else if (task.IsCanceled)
                Assert.True(leaving.IsCancellationRequested);
            else if (task.Exception!.InnerException is InvalidRequestException bad)
                Assert.Contains(mine, text => bad.Message == $"{text} is bad");
            else
                Assert.IsType<EngineFailedException>(task.Exception.InnerException);
            leaving.Dispose();
        }
        Assert.All(upstream.Calls, call => Assert.True(call.IsOver));
        Assert.True(upstream.Calls.All(call => call.Request.Inputs.Count <= Math.Max(shape.MaxInputs, 4)));
    }

    private static void End(HeldCall call, Random random)
    {
        switch (random.Next(12))
        {
            case 0:
                call.Fail(new EngineFailedException("the node died"));
                break;
            case 1:
                call.Answer(call.Request.Inputs.Append("one more").Select(HeldUpstream.Vector));
                break;
            default:
                call.Answer();
                break;
        }
    }

    private static async Task<EmbedResult> AskAsync(GatewayTelemetry telemetry, EmbeddingMerger merger, string caller, int model, string[] texts, CancellationToken leaving)
    {
        var measure = telemetry.Begin(new RequestOrigin("http", "/api/embed", "http"));
        measure.Caller = new Caller { Id = caller };
        return await merger.EmbedAsync(new EmbedRequest { Model = $"m{model}", Inputs = texts }, null, leaving);
    }
}

public sealed class TokenSharesTests
{
    [Fact]
    public void Shares_add_up_exactly() => Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[0, 5_000].Array[1, 40]).Sample((tokens, lengths) =>
    {
        var weights = lengths.Select(length => (long)length + 1).ToArray();
        var shares = new TokenShares(tokens, weights.Sum());
        var each = weights.Select(weight => shares.Next(weight)).ToArray();
        Assert.Equal(tokens, each.Sum());
        Assert.All(each, share => Assert.True(share >= 0));
    });
}
