namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>
/// Tests that run the real engine. They take turns, with the rest of the assembly too: some read what the whole process holds,
/// and all of them would only wait for each other's cores.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class EngineCollection : ICollectionFixture<SharedEngine>
{
    public const string Name = "llama.cpp";
}

/// <summary>One engine for the tests that need nothing special of it.</summary>
public sealed class SharedEngine : IAsyncLifetime
{
    internal EngineBed Bed { get; } = new();

    /// <summary>Whichever test comes first, the model has the context of the engine's settings, and not a smaller one of a request.</summary>
    public async ValueTask InitializeAsync() => await Bed.Engine.LoadAsync(new LoadRequest { Model = "mini" }, CancellationToken.None);

    public ValueTask DisposeAsync() => Bed.DisposeAsync();
}
