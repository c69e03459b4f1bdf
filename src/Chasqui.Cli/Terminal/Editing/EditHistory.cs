using System.Text;

namespace Chasqui.Cli;

/// <summary>What was typed before, the last one last. It is kept in a file that its user alone can read; where that cannot be, it lasts as long as the process. Not thread-safe.</summary>
internal sealed class EditHistory
{
    /// <summary>Texts that are kept at most.</summary>
    public const int MaxTexts = 500;

    /// <summary>A longer text, such as a file that was pasted, is not kept.</summary>
    public const int MaxLength = 4_096;

    private readonly string? _path;
    private readonly List<string> _texts;

    private EditHistory(string? path, List<string> texts)
    {
        _path = path;
        _texts = texts;
    }

    public IReadOnlyList<string> Texts => _texts;

    /// <param name="path">The file; null for none.</param>
    public static EditHistory Open(string? path)
    {
        List<string> texts = [];
        try
        {
            if (path is not null && new FileInfo(path) is { Exists: true, Length: < MaxTexts * MaxLength * 4L })
                texts.AddRange(File.ReadLines(path).Where(line => line.Length > 0).Select(Unescape).TakeLast(MaxTexts));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A chat works without it.
            path = null;
        }
        return new EditHistory(path, texts);
    }

    public void Add(string text)
    {
        if (string.IsNullOrWhiteSpace(text) || text.Length > MaxLength || (_texts.Count > 0 && _texts[^1] == text))
            return;
        _texts.Add(text);
        if (_texts.Count > MaxTexts)
            _texts.RemoveAt(0);
        Save();
    }

    private void Save()
    {
        if (_path is null)
            return;
        var temporary = $"{_path}.{Environment.ProcessId}";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using (var writer = new StreamWriter(temporary, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), options))
            {
                foreach (var text in _texts)
                    writer.WriteLine(Escape(text));
            }
            File.Move(temporary, _path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The folder cannot be written to; a chat works without it.
        }
    }

    private static string Escape(string text) =>
        text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\r", "\\r", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private static string Unescape(string line)
    {
        if (!line.Contains('\\', StringComparison.Ordinal))
            return line;
        var text = new StringBuilder(line.Length);
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] != '\\' || i + 1 == line.Length)
                text.Append(line[i]);
            else
                text.Append(line[++i] switch { 'n' => '\n', 'r' => '\r', var other => other });
        }
        return text.ToString();
    }
}
