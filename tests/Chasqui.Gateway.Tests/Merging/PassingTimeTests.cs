using Chasqui.Gateway.Merging;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Gateway.Tests.Merging;

/// <summary>Time that passes while the merger thinks.</summary>
public sealed class PassingTimeTests
{
    private static readonly TimeSpan _window = TimeSpan.FromMilliseconds(10);

    [Theory]
    [InlineData(MergeStrategy.Fixed, "a")]
    [InlineData(MergeStrategy.Dynamic, "a", "b")]
    public async Task Nobody_is_left_behind_wherever_the_window_ends(MergeStrategy strategy, params string[] texts)
    {
        // In all places between two looks at the clock.
        for (var step = 1; step <= 40; step++)
        {
            var time = new CreepingTime(_window * step / 20);
            var upstream = new HeldUpstream { SlotCount = 2 };
            var settings = new GatewaySettings { Merging = new MergingOptions { Strategy = strategy, Window = _window } };
            var merger = new EmbeddingMerger(upstream, () => settings, time);
            // Dynamic sends the first at once; the last goes by its clock alone.
            var all = texts.Select(text => EmbedAsync(merger, text)).ToList();
            time.Advance(_window);
            time.Advance(_window);

            Assert.Equal(texts, upstream.Calls.SelectMany(call => call.Request.Inputs));
            foreach (var call in upstream.Calls)
                call.Answer();
            await Task.WhenAll(all);
        }
    }

    private static Task<EmbedResult> EmbedAsync(EmbeddingMerger merger, string text) =>
        merger.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = [text] }, null, TestContext.Current.CancellationToken);

    /// <summary>A clock that is a step further each time it is looked at.</summary>
    private sealed class CreepingTime(TimeSpan step) : FakeTimeProvider
    {
        private long _looks;

        public override long GetTimestamp() => base.GetTimestamp() + (long)(Interlocked.Increment(ref _looks) * step.TotalSeconds * TimestampFrequency);
    }
}
