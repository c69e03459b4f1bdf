using Chasqui.Engines.LlamaCpp.Native;
using Chasqui.Engines.LlamaCpp.Prompts;
using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.Tests.LlamaCpp;

public sealed class PromptRendererTests : ILogger
{
    private readonly List<string> _warnings = [];

    [Theory]
    [InlineData("{{ bos }}{% for m in conversation %}{{ m }}{% endfor %}", "<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n", "chatml")]
    [InlineData("", "Hello!", "blank lines between them")]
    public void A_template_that_is_not_understood_is_replaced_and_a_warning_says_by_what(string jinja, string prompt, string warning)
    {
        LlamaLibrary.EnsureLoaded(Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        var renderer = new PromptRenderer(this);
        var model = new ModelDescription
        {
            Path = "strange.gguf",
            Template = jinja,
            Summary = new ModelSummary { Name = "strange:latest", Digest = "0", Details = new ModelDetails(), Capabilities = ["completion"] },
        };
        var request = new ChatRequest { Model = "strange", Messages = [new ChatMessage { Role = "user", Content = "Hello!" }] };

        Assert.Equal(prompt, renderer.Render(request, request.Messages, model));
        Assert.Equal(prompt, renderer.Render(request, request.Messages, model));

        var said = Assert.Single(_warnings);
        Assert.Contains("strange:latest", said, StringComparison.Ordinal);
        Assert.Contains(warning, said, StringComparison.Ordinal);
    }

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;

    bool ILogger.IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _warnings.Add(formatter(state, exception));
}
