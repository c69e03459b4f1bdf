using System.Diagnostics;

namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>Many at once: nobody's text depends on who else is there, and in the end nothing is left behind.</summary>
[Collection(EngineCollection.Name)]
public sealed class LoadTests
{
    private const int Chats = 64;

    private static readonly string[] _questions =
    [
        "Tell me a story about a dog.", "Who are you?", "Hello!", "What does a fox eat?", "Can an owl fly?", "Describe a fox as JSON.",
        "Tell me a story about a princess and her friend, the bird who could not sing.", "What is 4 + 4?",
    ];

    [Fact]
    public async Task Under_load_with_cancels_and_loads_a_seed_gives_the_text_that_it_gives_alone()
    {
        var seed = Environment.TickCount;
        TestContext.Current.SendDiagnosticMessage("seed {0}", seed);
        await using var bed = new EngineBed(models: ["mini", "other"]);
        var requests = Enumerable.Range(0, Chats)
            .Select(i => EngineBed.Question(_questions[i % _questions.Length], new() { Seed = i, Temperature = 0.8f, NumPredict = 120 }))
            .Select((request, i) => request with { Alone = i % 8 == 3 }).ToArray();
        var alone = new string[Chats];
        for (var i = 0; i < Chats; i++)
            alone[i] = (await bed.Chat(requests[i] with { Alone = true })).Text;

        using var ended = new CancellationTokenSource();
        var neighbour = LoadAndUnload(bed, ended.Token);
        var random = new Random(seed);
        var different = 0;
        var compared = 0;
        for (var round = 0; round < 2; round++)
        {
            // A third leaves, each after some updates of its own.
            var leaveAfter = requests.Select(r => !r.Alone && random.Next(3) == 0 ? random.Next(0, 12) : int.MaxValue).ToArray();
            var answers = await Task.WhenAll(requests.Select((r, i) => Read(bed, r, leaveAfter[i])));
            for (var i = 0; i < Chats; i++)
            {
                if (answers[i] is not { } text)
                {
                    Assert.NotEqual(int.MaxValue, leaveAfter[i]);
                }
                else if (requests[i].Alone)
                {
                    Assert.Equal(alone[i], text);
                }
                else
                {
                    compared++;
                    different += text == alone[i] ? 0 : 1;
                }
            }

            await bed.UntilIdle();
        }

        await ended.CancelAsync();
        var loads = await neighbour;
        Assert.True(loads >= 3, $"the other model was loaded {loads} times");
        TestContext.Current.SendDiagnosticMessage("{0} of {1} texts differ from those made alone; the other model was loaded {2} times", different, compared, loads);
        Assert.True(different <= compared / 20, $"seed {seed}: {different} of {compared} texts differ from those made alone");
    }

    [Fact]
    public async Task Whoever_asks_to_be_decoded_alone_gets_the_same_text_every_time()
    {
        await using var bed = new EngineBed();
        var request = EngineBed.Question("Tell me a story about a dog.", new() { Seed = 11, Temperature = 1, NumPredict = 80 }) with { Alone = true };
        var text = (await bed.Chat(request)).Text;
        using var ended = new CancellationTokenSource();
        var noise = Enumerable.Range(0, 14).Select(i => Noise(bed, i, ended.Token)).ToArray();
        for (var i = 0; i < 8; i++)
            Assert.Equal(text, (await bed.Chat(request)).Text);
        await ended.CancelAsync();
        await Task.WhenAll(noise);
    }

    [Fact]
    public async Task Memory_returns_when_models_are_unloaded()
    {
        await using var bed = new EngineBed();
        async Task Cycle(int count)
        {
            for (var i = 0; i < count; i++)
            {
                await bed.Ask("Hello!");
                await bed.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = ["Hello!"] }, EngineBed.Token);
                Assert.True(await bed.Engine.UnloadAsync("mini", EngineBed.Token).WaitAsync(EngineBed.Patience, EngineBed.Token));
            }
        }

        // The allocator takes its time to settle: each decode thread may have an arena of its own. A leak does not settle.
        await Cycle(10);
        var growths = new List<double>();
        do
        {
            var before = Resident();
            await Cycle(20);
            growths.Add((Resident() - before) / 1048576.0);
        }
        while (growths[^1] >= 8 && growths.Count < 4);

        TestContext.Current.SendDiagnosticMessage("resident memory after each further 20 loads: {0} MiB more", string.Join(", ", growths.Select(g => $"{g:0.0}")));
        // One load takes more than 50 MiB.
        Assert.True(growths[^1] < 8, $"{string.Join(", ", growths)} MiB more after each 20 loads and unloads");
    }

    private static long Resident()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    /// <returns>The text, or null when it left before the end.</returns>
    private static async Task<string?> Read(EngineBed bed, ChatRequest request, int leaveAfter)
    {
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(EngineBed.Token);
        var text = "";
        var seen = 0;
        if (leaveAfter == 0)
            await leave.CancelAsync();
        try
        {
            await foreach (var update in bed.Engine.ChatAsync(request, leave.Token))
            {
                text += update.Text;
                if (update.Result is not null)
                    return text;
                if (++seen == leaveAfter)
                    await leave.CancelAsync();
            }
        }
        catch (OperationCanceledException) when (leave.IsCancellationRequested && !EngineBed.Token.IsCancellationRequested)
        {
            return null;
        }

        throw new InvalidOperationException("the stream ended without a result");
    }

    private static async Task<int> LoadAndUnload(EngineBed bed, CancellationToken ended)
    {
        var loads = 0;
        while (!ended.IsCancellationRequested || loads < 3)
        {
            await bed.Chat(EngineBed.Question("Hello!", new() { NumPredict = 3 }, "other"));
            Assert.True(await bed.Engine.UnloadAsync("other", EngineBed.Token).WaitAsync(EngineBed.Patience, EngineBed.Token));
            loads++;
        }

        return loads;
    }

    private static async Task Noise(EngineBed bed, int seed, CancellationToken ended)
    {
        for (var i = 0; !ended.IsCancellationRequested; i++)
            await bed.Ask(_questions[(seed + i) % _questions.Length], new() { Seed = (100 * seed) + i, NumPredict = 30 });
    }
}
