using Chasqui.Engines.Wire;

namespace Chasqui.Engines.Tests.Wire;

/// <summary>An error that crosses the wire arrives as the same type, with the same text.</summary>
public sealed class WireErrorsTests
{
    public static TheoryData<EngineException, int> Errors() => new()
    {
        { new ModelNotFoundException("minni", ["mini", "mono"]), 404 },
        { new InvalidModelNameException("a b"), 400 },
        { new InvalidOptionException("top_p", "2", "a number from 0 to 1"), 400 },
        { new InvalidFormatException("the schema is no schema"), 400 },
        { new InvalidTemplateException("unclosed action"), 400 },
        { new ContextLengthExceededException(5000, 4096), 400 },
        { new InvalidRequestException("prompt is required"), 400 },
        { new UnsupportedCapabilityException("mini", "tools"), 400 },
        { new ModelLoadException("mini", "it is no GGUF file"), 500 },
        { new InsufficientMemoryException("big", 9L << 30, 1L << 30), 503 },
        { new EngineOverloadedException("busy") { RetryAfter = TimeSpan.FromSeconds(3) }, 503 },
        { new EngineOverloadedException("slow down") { RetryAfter = TimeSpan.FromSeconds(3), IsOneTooMany = true }, 429 },
        { new EngineUnavailableException("stopping"), 503 },
        { new EngineFailedException("it failed"), 500 },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public void It_keeps_its_type_its_text_and_what_it_is_about(EngineException error, int status)
    {
        var (sent, wire) = WireErrors.ToWire(error);
        var back = WireErrors.FromWire(wire);

        Assert.Equal(status, sent);
        Assert.Equal(error.GetType(), back.GetType());
        Assert.Equal(error.Message, back.Message);
        if (error is ModelNotFoundException missing)
            Assert.Equal(missing.Suggestions, ((ModelNotFoundException)back).Suggestions);
        if (error is EngineOverloadedException busy)
            Assert.Equal((busy.RetryAfter, busy.IsOneTooMany), (((EngineOverloadedException)back).RetryAfter, ((EngineOverloadedException)back).IsOneTooMany));
    }

    [Fact]
    public void What_was_not_foreseen_tells_nothing_of_the_inside()
    {
        var (status, wire) = WireErrors.ToWire(new InvalidOperationException("the secret of /etc/shadow"));

        Assert.Equal(500, status);
        Assert.Equal("internal", wire.Code);
        Assert.DoesNotContain("secret", wire.Message, StringComparison.Ordinal);
    }
}
