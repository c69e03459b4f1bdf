using System.Globalization;
using System.Text.RegularExpressions;
using Chasqui.Engines.LlamaCpp;
using Chasqui.Engines.LlamaCpp.Memory;
using Chasqui.Engines.LlamaCpp.Native;
using Chasqui.Engines.Tests.Models;
using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;

namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>What is estimated of a model before it is loaded.</summary>
[Collection(EngineCollection.Name)]
public sealed partial class MemoryEstimateTests(SharedEngine shared)
{
    private readonly EngineBed _bed = shared.Bed;

    [Fact]
    public async Task The_shipped_model_takes_what_is_estimated()
    {
        var estimate = new MemoryEstimate(await _bed.Engine.ShowAsync("mini", EngineBed.Token));
        Assert.Equal(1024, estimate.TrainedContext);
        Assert.Equal(new FileInfo(EngineBed.ModelFile).Length, estimate.WeightBytes);
        // 4 blocks, 128 components of keys and of values, two bytes each.
        Assert.Equal(4 * (128 + 128) * 2, estimate.CacheBytesPerToken);
    }

    [Fact]
    public async Task More_slots_more_context_and_larger_batches_take_more()
    {
        var estimate = new MemoryEstimate(await _bed.Engine.ShowAsync("mini", EngineBed.Token));
        Gen.Select(Gen.Int[1, 64], Gen.Int[4, 1 << 20], Gen.Int[32, 8192]).Sample((slots, context, batch) =>
        {
            var bytes = estimate.TotalBytes(slots, context, batch);
            Assert.True(bytes >= estimate.WeightBytes + ((long)slots * context * estimate.CacheBytesPerToken));
            Assert.True(estimate.TotalBytes(slots + 1, context, batch) > bytes);
            Assert.True(estimate.TotalBytes(slots, context + 1, batch) > bytes);
            Assert.True(estimate.TotalBytes(slots, context, batch + 1) > bytes);
        });
    }

    [Fact]
    public async Task What_the_library_says_that_it_takes_is_at_most_what_was_estimated()
    {
        var log = new ListLogger<LlamaEngine>();
        LlamaLog.Attach(log);
        try
        {
            foreach (var (slots, context, batch) in new[] { (1, 256, 32), (16, 1024, 512), (4, 512, 2048), (64, 1024, 64) })
            {
                var already = log.Lines.Count;
                await using var bed = new EngineBed(EngineBed.Settings with { Slots = slots, ContextLength = context, BatchTokens = batch });
                var resident = await bed.Engine.LoadAsync(new LoadRequest { Model = "mini" }, EngineBed.Token);
                var taken = log.Lines.Skip(already).Select(l => Buffers().Match(l.Text)).Where(m => m.Success)
                    .Sum(m => double.Parse(m.Groups["size"].Value, CultureInfo.InvariantCulture) * 1048576);
                TestContext.Current.SendDiagnosticMessage("{0} slots of {1}, batches of {2}: {3:0.0} MiB taken, {4:0.0} MiB estimated", slots, context, batch, taken / 1048576, resident.SizeBytes / 1048576.0);
                // Never less than it takes; and not far more, but for the 8 MiB that are added for what is not named.
                Assert.InRange(taken, (resident.SizeBytes - (8 << 20)) / 4.0, resident.SizeBytes);
            }
        }
        finally
        {
            LlamaLog.Attach(NullLogger.Instance);
        }
    }

    [GeneratedRegex(@"buffer size\s*=\s*(?<size>[\d.]+) MiB")]
    private static partial Regex Buffers();
}
