using Chasqui.Engines.LlamaCpp;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>Which models are in memory, and for how long.</summary>
[Collection(EngineCollection.Name)]
public sealed class ResidencyTests
{
    private readonly FakeTimeProvider _time = new();

    private static LlamaEngineOptions Settings { get; } = EngineBed.Settings with { Slots = 2, ContextLength = 256 };

    private static LoadRequest Load(string model = "mini", TimeSpan? keepAlive = null, int? numCtx = null) =>
        new() { Model = model, KeepAlive = keepAlive, Options = new() { NumCtx = numCtx } };

    private static Task<ResidentModel> Load(EngineBed bed, LoadRequest request) =>
        bed.Engine.LoadAsync(request, EngineBed.Token).WaitAsync(EngineBed.Patience, EngineBed.Token);

    private static async Task<string[]> Resident(EngineBed bed) =>
        [.. (await bed.Engine.ListResidentAsync(EngineBed.Token)).Select(m => m.Summary.Name.Replace(":latest", "", StringComparison.Ordinal)).Order()];

    /// <summary>Freeing goes on beside; loading the model again, or finding it unloaded, waits for it.</summary>
    private static async Task<bool> IsGone(EngineBed bed, string model = "mini") =>
        !await bed.Engine.UnloadAsync(model, EngineBed.Token).WaitAsync(EngineBed.Patience, EngineBed.Token)
        || (await bed.Engine.ListResidentAsync(EngineBed.Token)).All(m => m.Summary.Name != model + ":latest");

    private static async Task<IAsyncEnumerator<GenerationUpdate>> Begin(EngineBed bed, string model = "mini")
    {
        var request = EngineBed.Question("Tell me a story.", new() { NumPredict = 10_000 }, model) with
        {
            Format = OutputFormat.FromSchema(System.Text.Json.JsonSerializer.SerializeToElement(new { type = "string", minLength = 3000 })),
        };
        var reader = bed.Engine.ChatAsync(request, EngineBed.Token).GetAsyncEnumerator(EngineBed.Token);
        Assert.True(await reader.MoveNextAsync().AsTask().WaitAsync(EngineBed.Patience, EngineBed.Token));
        return reader;
    }

    [Fact]
    public async Task Many_loads_at_once_share_one()
    {
        var before = DecodeThreads.Count;
        await using var bed = new EngineBed(Settings);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Load(bed, Load())));
        Assert.Equal(["mini"], await Resident(bed));
        Assert.Equal(before + 1, DecodeThreads.Count);
        Assert.True((await Load(bed, Load())).SizeBytes > 1_027_552);
    }

    [Fact]
    public async Task Loads_at_once_with_different_contexts_both_get_what_they_asked_for()
    {
        await using var bed = new EngineBed(Settings);
        for (var i = 0; i < 10; i++)
        {
            var small = Load(bed, Load(numCtx: 128));
            var large = Load(bed, Load(numCtx: 512));
            Assert.True((await small).ContextLength >= 128);
            Assert.Equal(512, (await large).ContextLength);
            await bed.Engine.UnloadAsync("mini", EngineBed.Token);
        }
    }

    [Fact]
    public async Task A_model_leaves_after_its_keep_alive_and_not_before()
    {
        await using var bed = new EngineBed(Settings with { KeepAlive = TimeSpan.FromMinutes(5) }, _time);
        await bed.Ask("Hello!");
        Assert.Equal(_time.GetUtcNow() + TimeSpan.FromMinutes(5), (await bed.Resident()).ExpiresAt);
        _time.Advance(TimeSpan.FromMinutes(4));
        await bed.Ask("Hello!");
        _time.Advance(TimeSpan.FromMinutes(4));
        Assert.Equal(["mini"], await Resident(bed));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.True(await IsGone(bed));
        Assert.NotEqual("", (await bed.Ask("Hello!")).Text);
    }

    [Fact]
    public async Task A_keep_alive_holds_until_another_is_said()
    {
        await using var bed = new EngineBed(Settings, _time);
        Assert.Equal(_time.GetUtcNow() + TimeSpan.FromHours(2), (await Load(bed, Load(keepAlive: TimeSpan.FromHours(2)))).ExpiresAt);
        await bed.Ask("Hello!");
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(["mini"], await Resident(bed));
        await Load(bed, Load(keepAlive: Timeout.InfiniteTimeSpan));
        _time.Advance(TimeSpan.FromDays(1000));
        var kept = await bed.Resident();
        Assert.Equal(DateTimeOffset.MaxValue, kept.ExpiresAt);
        await Load(bed, Load(keepAlive: TimeSpan.FromSeconds(1)));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(await IsGone(bed));
    }

    [Fact]
    public async Task A_keep_alive_of_nothing_frees_the_model_when_the_last_request_ends()
    {
        await using var bed = new EngineBed(Settings, _time);
        await using var busy = await Begin(bed);
        await bed.Chat(EngineBed.Question("Hello!") with { KeepAlive = TimeSpan.Zero });
        Assert.Equal(["mini"], await Resident(bed));
        Assert.True(await busy.MoveNextAsync());
        await busy.DisposeAsync();
        Assert.True(await IsGone(bed));
        await Load(bed, Load(keepAlive: TimeSpan.Zero));
        Assert.True(await IsGone(bed));
    }

    [Fact]
    public async Task A_model_that_is_in_use_does_not_expire()
    {
        await using var bed = new EngineBed(Settings, _time);
        await using var busy = await Begin(bed);
        _time.Advance(TimeSpan.FromDays(1));
        Assert.True(await busy.MoveNextAsync());
        Assert.Equal(["mini"], await Resident(bed));
        await busy.DisposeAsync();
        Assert.Equal(["mini"], await Resident(bed));
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.True(await IsGone(bed));
    }

    [Fact]
    public async Task The_longest_keep_alives_are_taken()
    {
        await using var bed = new EngineBed(Settings, _time);
        foreach (var days in new[] { 45.0, 1000, TimeSpan.MaxValue.TotalDays })
        {
            await Load(bed, Load(keepAlive: days > 1e6 ? TimeSpan.MaxValue : TimeSpan.FromDays(days)));
            _time.Advance(TimeSpan.FromDays(41));
            Assert.Equal(["mini"], await Resident(bed));
        }
    }

    [Fact]
    public async Task An_unload_lets_those_who_run_finish_and_the_next_loads_anew()
    {
        await using var bed = new EngineBed(Settings);
        Assert.False(await bed.Engine.UnloadAsync("mini", EngineBed.Token));
        await using var busy = await Begin(bed);
        Assert.True(await bed.Engine.UnloadAsync("mini", EngineBed.Token));
        var next = bed.Ask("Hello!");
        for (var i = 0; i < 20; i++)
            Assert.True(await busy.MoveNextAsync());
        Assert.False(next.IsCompleted);
        await busy.DisposeAsync();
        Assert.NotEqual("", (await next).Text);
        Assert.True((await bed.Resident()).Counters.PromptTokens < 40, "a new load counts from the beginning");
    }

    [Fact]
    public async Task The_longest_unused_idle_model_makes_room()
    {
        await using var bed = new EngineBed(Settings with { MaxLoadedModels = 2 }, _time, models: ["a1", "b1", "c1"]);
        foreach (var (model, resident) in new[] { ("a1", "a1"), ("b1", "a1 b1"), ("a1", "a1 b1"), ("c1", "a1 c1"), ("b1", "b1 c1") })
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await bed.Chat(EngineBed.Question("Hello!", model: model));
            Assert.Equal(resident.Split(' '), await Resident(bed));
        }
    }

    [Fact]
    public async Task A_busy_model_is_waited_for()
    {
        await using var bed = new EngineBed(Settings with { MaxLoadedModels = 1 }, models: ["mini", "other"]);
        await using var busy = await Begin(bed);
        var waiting = Enumerable.Range(0, 3).Select(_ => bed.Chat(EngineBed.Question("Hello!", model: "other"))).ToArray();
        for (var i = 0; i < 20; i++)
            Assert.True(await busy.MoveNextAsync());
        Assert.Equal(["mini"], await Resident(bed));
        await busy.DisposeAsync();
        Assert.All(await Task.WhenAll(waiting), a => Assert.NotEqual("", a.Text));
        Assert.Equal(["other"], await Resident(bed));
    }

    [Fact]
    public async Task Models_that_take_turns_in_one_place_all_answer()
    {
        await using var bed = new EngineBed(Settings with { MaxLoadedModels = 1 }, models: ["a1", "b1", "c1"]);
        var answers = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => bed.Chat(EngineBed.Question("Hello!", model: "abc"[i % 3] + "1"))));
        Assert.Single(answers.Select(a => a.Text).Distinct());
        Assert.Single(await Resident(bed));
    }

    [Fact]
    public async Task Without_memory_a_load_is_refused_with_the_figures()
    {
        await using var bed = new EngineBed(Settings, availableBytes: () => 100L << 20);
        var error = await Assert.ThrowsAsync<InsufficientMemoryException>(() => Load(bed, Load()));
        Assert.Contains("mini", error.Message, StringComparison.Ordinal);
        Assert.True(error.RequiredBytes > 1_027_552 && error.AvailableBytes < error.RequiredBytes);
        await Assert.ThrowsAsync<InsufficientMemoryException>(() => bed.Ask("Hello!"));
        Assert.Empty(await Resident(bed));
    }

    [Theory]
    [InlineData(64, 16)]
    [InlineData(36, 8)]
    [InlineData(18, 4)]
    [InlineData(12, 1)]
    public async Task Where_memory_is_short_there_are_fewer_slots(int mebibytes, int slots)
    {
        var settings = EngineBed.Settings with { MemoryReserveBytes = 0, BatchTokens = 32 };
        await using var bed = new EngineBed(settings, availableBytes: () => (long)mebibytes << 20);
        var resident = await Load(bed, Load());
        Assert.Equal(slots, resident.Slots);
        Assert.True(resident.SizeBytes <= (long)mebibytes << 20);
        Assert.NotEqual("", (await bed.Ask("Hello!")).Text);
    }

    [Fact]
    public async Task A_limit_counts_what_other_models_take()
    {
        await using var probe = new EngineBed(Settings);
        var size = (await Load(probe, Load())).SizeBytes;
        await using var bed = new EngineBed(Settings with { MemoryLimitBytes = size * 3 / 2 }, _time, models: ["mini", "other"]);
        await Load(bed, Load());
        _time.Advance(TimeSpan.FromSeconds(1));
        // The idle neighbour goes, rather than this one gets fewer slots.
        Assert.Equal(2, (await Load(bed, Load("other"))).Slots);
        Assert.Equal(["other"], await Resident(bed));
    }

    [Fact]
    public async Task A_load_that_cannot_succeed_drives_nobody_out()
    {
        var available = 8L << 30;
        await using var bed = new EngineBed(Settings with { MemoryReserveBytes = 64 << 20 }, availableBytes: () => available, models: ["mini", "other"]);
        var size = (await Load(bed, Load())).SizeBytes;
        // Even with what the idle model would give back, there is not enough.
        available = 0;
        var error = await Assert.ThrowsAsync<InsufficientMemoryException>(() => Load(bed, Load("other", numCtx: 1024)));
        Assert.True(error.RequiredBytes > size || error.AvailableBytes < error.RequiredBytes);
        Assert.Equal(["mini"], await Resident(bed));
    }
}
