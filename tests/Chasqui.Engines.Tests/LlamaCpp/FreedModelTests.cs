using Chasqui.Engines.LlamaCpp.Native;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>What crosses into the library when its owner is gone: an error here, where the library would read memory that it has given back.</summary>
[Collection(EngineCollection.Name)]
public sealed class FreedModelTests
{
    [Fact]
    public void A_model_that_was_freed_is_not_read()
    {
        LlamaLibrary.EnsureLoaded(NullLogger.Instance);
        var model = LlamaModel.Load("mini", EngineBed.ModelFile, EngineBed.Token);
        var known = model.Piece(300);
        var ends = model.EndsGeneration(300);
        var text = string.Concat(Enumerable.Repeat("The fox met a bear.\n", 2000));
        model.Dispose();

        // What was read before is ours.
        Assert.Equal((known, ends), (model.Piece(300), model.EndsGeneration(300)));
        foreach (var read in (Action[])
        [
            () => model.Piece(301),
            () => model.EndsGeneration(301),
            () => _ = model.Order,
            () => model.Tokenize("x", addSpecial: false, parseSpecial: false),
            () => model.Tokenize(text, addSpecial: true, parseSpecial: true),
            () => model.TokenizeFirst(text, 10, addSpecial: true, parseSpecial: true, out _),
            () => model.TokenizeLast(text, 0, addSpecial: true, parseSpecial: true),
        ])
            Assert.Throws<EngineUnavailableException>(read);
    }

    /// <summary>The library calls the logger, and an exception that goes back into it ends the process.</summary>
    [Fact]
    public void A_logger_that_throws_ends_nothing()
    {
        LlamaLibrary.EnsureLoaded(NullLogger.Instance);
        var file = Path.GetTempFileName();
        var logger = new ThrowingLogger();
        LlamaLog.Attach(logger);
        try
        {
            Assert.Throws<ModelLoadException>(() => LlamaModel.Load("bad", file, EngineBed.Token));
        }
        finally
        {
            LlamaLog.Attach(NullLogger.Instance);
            File.Delete(file);
        }
        Assert.True(logger.Calls > 0);
    }

    private sealed class ThrowingLogger : ILogger
    {
        private int _calls;

        public int Calls => Volatile.Read(ref _calls);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            Interlocked.Increment(ref _calls);
            throw new ObjectDisposedException("logger");
        }
    }
}
