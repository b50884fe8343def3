; An installer for Windows, of the folder that PyInstaller made: iscc packaging\brevox.iss   (Inno Setup 6)
[Setup]
AppName=Brevox
AppVersion=0.1.0
DefaultDirName={autopf}\Brevox
DefaultGroupName=Brevox
PrivilegesRequired=lowest
OutputDir=..\dist
OutputBaseFilename=Brevox-setup
SetupIconFile=brevox.ico
ChangesAssociations=yes

[Files]
Source: "..\dist\Brevox\*"; DestDir: "{app}"; Flags: recursesubdirs

[Icons]
Name: "{group}\Brevox"; Filename: "{app}\Brevox.exe"

[Registry]
Root: HKA; Subkey: "Software\Classes\.sc"; ValueType: string; ValueData: "Brevox.Recording"; Flags: uninsdeletevalue
Root: HKA; Subkey: "Software\Classes\Brevox.Recording\DefaultIcon"; ValueType: string; ValueData: "{app}\Brevox.exe,0"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\Brevox.Recording\shell\open\command"; ValueType: string; ValueData: """{app}\Brevox.exe"" ""%1"""; Flags: uninsdeletekey
