using Chasqui.Engines.LlamaCpp.Decoding;
using Chasqui.Engines.LlamaCpp.Native;
using Chasqui.Engines.LlamaCpp.Sampling;

namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>Which slot a job gets, and with how much of its prompt.</summary>
[Collection(EngineCollection.Name)]
public sealed class SlotTableTests : IDisposable
{
    private const int Slots = 3;
    private const int PromptTokens = 300;

    // A cache of no bytes is always worth a copy, so that a copy would be made wherever it may.
    private const long NoBytes = 0;

    private readonly LlamaModel _model;
    private readonly LlamaContext _context;
    private readonly SlotTable _table;

    public SlotTableTests()
    {
        LlamaLibrary.EnsureLoaded(Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        _model = LlamaModel.Load("mini", EngineBed.ModelFile, EngineBed.Token);
        _context = LlamaContext.Create(_model, new ContextLayout(Slots, 512, 64, 1, 1, Embeddings: false));
        _table = new SlotTable(_context, NoBytes, canReuse: true);
    }

    public void Dispose()
    {
        _context.Dispose();
        _model.Dispose();
    }

    [Fact]
    public void What_one_scope_has_computed_is_used_by_that_scope_alone()
    {
        Compute("a", 1);

        var other = Assign("b", 1);
        Assert.Equal(0, other.Job!.CachedTokens);
        Assert.Equal(0, Assign(null, 1).Job!.CachedTokens);
        _table.Release(other);
        Assert.Equal(PromptTokens - 1, Assign("a", 1).Job!.CachedTokens);
    }

    [Fact]
    public void A_scope_gets_its_longest_beginning_and_not_a_longer_one_of_another()
    {
        Compute("a", 1, length: 270);
        Compute("b", 1, length: 290);

        var slot = Assign("a", 1);

        Assert.Equal(270, slot.Job!.CachedTokens);
        Assert.Equal("a", slot.Scope);
    }

    [Fact]
    public void A_slot_that_is_taken_over_keeps_nothing_of_the_scope_before()
    {
        for (var slot = 0; slot < Slots; slot++)
            Compute("a", slot);

        // All hold much: the one unused for longest is given up, and what it held is gone for all.
        var taken = Assign("b", 0);
        Assert.Equal((0, 0), (taken.Id, taken.Job!.CachedTokens));
        Assert.Empty(taken.Cached);
        _table.Release(taken);

        Assert.Equal(0, Assign("a", 0).Job!.CachedTokens);
    }

    [Fact]
    public void Only_what_the_same_scope_computes_right_now_is_waited_for()
    {
        Assert.True(_table.TryAssign(Job("a", 1)));

        Assert.False(_table.TryAssign(Job("a", 1)));
        Assert.True(_table.TryAssign(Job("b", 1)));
        Assert.True(_table.TryAssign(Job(null, 1)));
    }

    [Fact]
    public void A_copy_is_of_the_scope_that_it_was_made_for()
    {
        Compute("a", 1);
        var first = Assign("a", 1);
        while (first.Job!.InPrompt)
            first.Job.PromptComputed++;

        var copy = Assign("a", 1);
        Assert.NotEqual(first.Id, copy.Id);
        Assert.Equal((PromptTokens - 1, "a"), (copy.Job!.CachedTokens, copy.Scope));
        Assert.Equal(0, Assign("b", 1).Job!.CachedTokens);
    }

    [Fact]
    public void Requests_without_a_scope_share_as_one()
    {
        Compute(null, 1);

        Assert.Equal(PromptTokens - 1, Assign(null, 1).Job!.CachedTokens);
    }

    /// <summary>A job that has ended and left its prompt in the cache.</summary>
    private void Compute(string? scope, int text, int length = PromptTokens)
    {
        var slot = Assign(scope, text);
        slot.Cached.AddRange(slot.Job!.Plan.Prompt.AsSpan(slot.Cached.Count, length - slot.Cached.Count));
        slot.Job.PromptComputed = slot.Job.Plan.Prompt.Length;
        _table.Release(slot);
    }

    private Slot Assign(string? scope, int text)
    {
        var job = Job(scope, text);
        Assert.True(_table.TryAssign(job));
        return _table.All.ToArray().Single(slot => slot.Job == job);
    }

    private GenerationJob Job(string? scope, int text) => GenerationJobFactory.Create(_model, new JobPlan
    {
        Prompt = [.. Enumerable.Repeat(text + 5, PromptTokens)],
        PrefixScope = scope,
        Sampling = ResolvedSampling.From(new GenerationOptions { Temperature = 0 }, 512),
        MaxTokens = 1,
        ContextLimit = 512,
    }, TimeProvider.System);
}
